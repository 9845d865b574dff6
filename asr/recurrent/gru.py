"""Gated recurrent units (Cho et al. 2014), with the reset gate applied after the recurrent product, as in cuDNN."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.recurrent.gates import initialise_gates
from asr.recurrent.recurrence import Recurrence, State, autocasts_to_bf16


class GRU(nn.GRU, Recurrence):
    """With s the logistic function, * by element, and x, h input and output:

    r, z = s(W x + b + U h + d), each gate with its own W, b, U, d; n = tanh(W x + b + r * (U h + d));
    h = (1 - z) * n + z * h. State: (h,).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        if autocasts_to_bf16(frames):
            with torch.autocast("cuda", enabled=False):
                return self.forward(frames.float(), state)
        outputs, hidden = nn.GRU.forward(self, frames, None if state is None else state[0][None])
        return outputs, (hidden[0],)

    def start_state(self, batch: int) -> State:
        return (next(self.parameters()).new_zeros(batch, self.hidden_size),)

    def initialise(self) -> None:
        initialise_gates(self, open_gate=1)  # reset, update, new
