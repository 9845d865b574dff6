"""Hierarchically gated recurrent network (Qin, Yang & Zhong 2023), with real numbers."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from asr.recurrent.gates import initialise_inputs
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.scan import scan

_HIGHEST = 0.9  # lower bound of a forget gate at the start


class HGRN(Recurrence):
    """With s the logistic function, * by element, silu(v) = v s(v), x, y input and output, and h' the h before:

    f = low + (1 - low) * s(W x + b); h = f * h' + (1 - f) * silu(V x + c); y = s(U x + d) * h. State: (h,).

    low = s(bound) is a lower bound of the forget gate f: a cell with a high one cannot help but remember. In the paper
    the bounds of all layers are tied, so that they rise with depth; here each layer learns its own.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(input_size, 3 * hidden_size)  # f, candidate, output gate
        self.bound = nn.Parameter(torch.empty(hidden_size))
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        f, candidate, gate = self.inputs(frames).chunk(3, dim=-1)
        forgotten = self.bound.neg().sigmoid() * (-f).sigmoid()  # 1 - f
        (start,) = self.start_state(len(frames)) if state is None else state
        states = scan(1 - forgotten, forgotten * F.silu(candidate), start)
        return gate.sigmoid() * states, (states[:, -1],)

    def start_state(self, batch: int) -> State:
        return (self.bound.new_zeros(batch, self.output_size),)

    def initialise(self) -> None:
        """Bounds of all sizes, evenly: cells that can forget at once beside cells that remember for ten frames."""
        initialise_inputs(self.inputs, gate_biases=(0, 0, 0))
        evenly = torch.linspace(0, _HIGHEST, self.output_size + 2)[1:-1]
        self.bound.data = evenly.logit().to(self.bound)
