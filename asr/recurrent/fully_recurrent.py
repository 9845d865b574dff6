"""The fully recurrent network (Williams & Zipser 1989, "A learning algorithm for continually running fully recurrent
neural networks").
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.recurrent.elman import squash
from asr.recurrent.loop import run_loop
from asr.recurrent.recurrence import Recurrence, State


class FullyRecurrent(Recurrence):
    """Every unit is connected to every unit; the first ones see the input x, the last ones are read as the output y:

    s = tanh([W x; 0] + b + U s'); y is the end of s. State: (s,).

    A unit that is read but not fed hears of a frame only through others, one step later. So each frame is held for
    `ticks` steps, and read at the last. In the paper all outputs come one step later still. The gradient is that of
    back-propagation through time, which real-time recurrent learning finds more slowly. Where all units are fed and
    read, once a frame, it is Elman's network.
    """

    def __init__(self, input_size: int, hidden_size: int, *, num_units: int, num_fed: int, ticks: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(input_size, num_fed, bias=False)
        self.bias = nn.Parameter(torch.empty(num_units))
        self.feedback = nn.Linear(num_units, num_units, bias=False)
        self.ticks = ticks
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        start = self.start_state(len(frames)) if state is None else state
        fed = self.inputs(frames.transpose(0, 1))
        inputs = nn.functional.pad(fed, (0, len(self.bias) - fed.shape[2])) + self.bias
        (units,) = run_loop(squash, inputs.repeat_interleave(self.ticks, dim=0), start, self.feedback.weight)
        return units[self.ticks - 1 :: self.ticks, :, -self.output_size :].transpose(0, 1), (units[-1],)

    def start_state(self, batch: int) -> State:
        return (self.bias.new_zeros(batch, len(self.bias)),)

    def initialise(self) -> None:
        nn.init.xavier_uniform_(self.inputs.weight)
        nn.init.orthogonal_(self.feedback.weight)
        nn.init.zeros_(self.bias)
