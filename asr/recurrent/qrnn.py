"""Quasi-recurrent neural network (Bradbury, Merity, Xiong & Socher 2017)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.recurrent.gates import initialise_inputs
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.scan import scan


class QRNN(Recurrence):
    """A convolution over two frames, then gates without weights. With s the logistic function, * by element, x' the
    frame before x, h output, c the cells, and c' those before:

    z = tanh(W x' + U x + b); f, o = s(the same), each with its own W, U, b; c = f * c' + (1 - f) * z; h = o * c.
    State: (c, x).

    `pooling`: with "ifo" there is an input gate i beside f and o, and c = f * c' + i * z, which can grow.
    """

    def __init__(self, input_size: int, hidden_size: int, *, pooling: Literal["fo", "ifo"]) -> None:
        super().__init__()
        self.num_gates = 1 + len(pooling)
        self.inputs = nn.Linear(2 * input_size, self.num_gates * hidden_size)  # of (x', x): z, f, o, and i
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        start, before = self.start_state(len(frames)) if state is None else state
        pairs = torch.cat([torch.cat([before[:, None].to(frames.dtype), frames[:, :-1]], dim=1), frames], dim=2)
        z, f, o, *i = self.inputs(pairs).chunk(self.num_gates, dim=-1)
        share = i[0] if i else -f  # 1 - f
        cells = scan(f.sigmoid(), share.sigmoid() * z.tanh(), start)
        return o.sigmoid() * cells, (cells[:, -1], frames[:, -1])

    def start_state(self, batch: int) -> State:
        weights = self.inputs.weight
        return (weights.new_zeros(batch, self.output_size), weights.new_zeros(batch, self.inputs.in_features // 2))

    def initialise(self) -> None:
        initialise_inputs(self.inputs, gate_biases=(0, 1, 0, 0)[: self.num_gates])  # the memory is kept at the start
