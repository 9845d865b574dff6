"""Light gated recurrent units (Ravanelli, Brakel, Omologo & Bengio 2018, "Light gated recurrent units for speech
recognition"): a GRU without reset gate, its candidate a rectifier.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.recurrent.loop import States, run_loop, run_recorded
from asr.recurrent.recurrence import Recurrence, State


class LiGRU(Recurrence):
    """With s the logistic function, * by element, x, h input and output, and h' the h before:

    z = s(LN(W x) + U h'); a = relu(LN(V x) + Y h'), or tanh; h = z * h' + (1 - z) * a. State: (h,).

    The paper has batch norm, which would make an utterance depend on its batch, and on what is padding in it; layer
    norm LN, of each gate by itself, depends on the frame alone. The rectifier is unbounded, and on long sounds its
    state can explode; with `stable`, U h' and Y h' together are normalised too, without weights (Moumen & Parcollet
    2023, "Stabilising and accelerating light gated recurrent units for automatic speech recognition").
    """

    def __init__(self, input_size: int, hidden_size: int, *, activation: Literal["relu", "tanh"], stable: bool) -> None:
        super().__init__()
        self.inputs = nn.Linear(input_size, 2 * hidden_size, bias=False)  # z, a
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_size) for _ in range(2))
        self.feedback = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.is_relu, self.stable = activation == "relu", stable
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        start = self.start_state(len(frames)) if state is None else state
        parts = self.inputs(frames.transpose(0, 1)).chunk(2, dim=-1)
        inputs = torch.cat([norm(part) for norm, part in zip(self.norms, parts, strict=True)], dim=-1)
        if self.stable:
            (outputs,) = run_recorded(self._stable_step, inputs, start)
        else:
            (outputs,) = run_loop(self._cell, inputs, start, self.feedback.weight)
        return outputs.transpose(0, 1), (outputs[-1],)

    def _cell(self, inputs: Tensor, fed: Tensor, states: States) -> States:
        z, a = (inputs + fed).chunk(2, dim=-1)
        a = a.relu() if self.is_relu else a.tanh()
        return (torch.lerp(a, states[0], z.sigmoid()),)

    def _stable_step(self, inputs: Tensor, states: States) -> States:
        fed = self.feedback(states[0])
        return self._cell(inputs, nn.functional.layer_norm(fed, fed.shape[-1:]), states)

    def start_state(self, batch: int) -> State:
        return (self.inputs.weight.new_zeros(batch, self.output_size),)

    def initialise(self) -> None:
        """Orthogonal, as the authors' code; an open z keeps the memory at the start."""
        for weight, feedback in zip(self.inputs.weight.data.chunk(2), self.feedback.weight.data.chunk(2), strict=True):
            nn.init.xavier_uniform_(weight)
            nn.init.orthogonal_(feedback)
        for norm, bias in zip(self.norms, (1, 0), strict=True):
            nn.init.ones_(norm.weight)  # type: ignore[arg-type]
            nn.init.constant_(norm.bias, bias)  # type: ignore[arg-type]
