"""minGRU (Feng et al. 2024, "Were RNNs all we needed?"): a GRU whose gate and candidate see the frame alone."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from asr.recurrent.gates import initialise_inputs
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.scan import scan


class MinGRU(Recurrence):
    """With s the logistic function, * by element, and x, h input and output:

    z = s(W x + b), n = V x + c; h = (1 - z) * h' + z * n, with h' the h before. State: (h,).

    With `positive_states` n = g(V x + c), where g(a) is a + 0.5 for a >= 0 and s(a) below, as the paper has it for its
    form in logarithms. What is handed over as a state is h itself, zero at the start, never passed through g again.
    """

    def __init__(self, input_size: int, hidden_size: int, *, positive_states: bool) -> None:
        super().__init__()
        self.inputs = nn.Linear(input_size, 2 * hidden_size)  # z, n
        self.positive_states = positive_states
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        z, n = self.inputs(frames).chunk(2, dim=-1)
        (start,) = self.start_state(len(frames)) if state is None else state
        states = scan((-z).sigmoid(), z.sigmoid() * (positive(n) if self.positive_states else n), start)
        return states, (states[:, -1],)

    def start_state(self, batch: int) -> State:
        return (self.inputs.weight.new_zeros(batch, self.output_size),)

    def initialise(self) -> None:
        initialise_inputs(self.inputs, gate_biases=(-1, 0))  # the memory is kept at the start


def positive(values: Tensor) -> Tensor:
    """g of the paper: continuous, rising and above zero."""
    return torch.where(values >= 0, F.relu(values) + 0.5, values.sigmoid())
