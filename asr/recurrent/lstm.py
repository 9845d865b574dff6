"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gates: Gers et al. 2000)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.recurrent.gates import initialise_gates
from asr.recurrent.recurrence import Recurrence, State, autocasts_to_bf16


class LSTM(nn.LSTM, Recurrence):
    """With s the logistic function, * by element, and x, h, c input, output and cells:

    i, f, o = s(W x + b + U h + d), each gate with its own W, b, U, d; g = tanh(W x + b + U h + d);
    c = f * c + i * g; h = o * tanh(c). State: (h, c).
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
        start = None if state is None else (state[0][None], state[1][None])
        outputs, (hidden, cells) = nn.LSTM.forward(self, frames, start)
        return outputs, (hidden[0], cells[0])

    def start_state(self, batch: int) -> State:
        zeros = next(self.parameters()).new_zeros(batch, self.hidden_size)
        return (zeros, zeros)

    def initialise(self) -> None:
        initialise_gates(self, open_gate=1)  # input, forget, cell, output
