"""The simple recurrent network (Elman 1990, "Finding structure in time")."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.recurrent.gates import initialise_inputs
from asr.recurrent.loop import States, run_loop
from asr.recurrent.recurrence import Recurrence, State

_CUT = 20  # of the rectifier, as in Deep Speech (Hannun et al. 2014), which trained such a network by CTC
_SHORT_MEMORY = 0.01  # times the identity: what Le, Jaitly & Hinton (2015) start rectifiers from for speech


class Elman(Recurrence):
    """With x, h input and output, and h' the h before: h = tanh(W x + U h' + b), or with min(max(0, a), 20) for tanh.
    State: (h,).
    """

    def __init__(self, input_size: int, hidden_size: int, *, activation: Literal["tanh", "relu"]) -> None:
        super().__init__()
        self.inputs = nn.Linear(input_size, hidden_size)
        self.feedback = nn.Linear(hidden_size, hidden_size, bias=False)
        self.is_tanh = activation == "tanh"
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        start = self.start_state(len(frames)) if state is None else state
        (outputs,) = run_loop(
            squash if self.is_tanh else rectify, self.inputs(frames.transpose(0, 1)), start, self.feedback.weight
        )
        return outputs.transpose(0, 1), (outputs[-1],)

    def start_state(self, batch: int) -> State:
        return (self.inputs.weight.new_zeros(batch, self.output_size),)

    def initialise(self) -> None:
        initialise_inputs(self.inputs, gate_biases=(0,))
        if self.is_tanh:
            nn.init.orthogonal_(self.feedback.weight)
        else:
            nn.init.eye_(self.feedback.weight)
            self.feedback.weight.data *= _SHORT_MEMORY


def squash(inputs: Tensor, fed: Tensor, states: States) -> States:
    """tanh(W x + b + U h')."""
    return ((inputs + fed).tanh(),)


def rectify(inputs: Tensor, fed: Tensor, states: States) -> States:
    """The rectifier, cut."""
    return (torch.clamp(inputs + fed, 0, _CUT),)
