"""Real-gated linear recurrent unit (De et al. 2024, "Griffin: mixing gated linear recurrences with local attention for
efficient language models").
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from asr.recurrent.gates import initialise_inputs
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.scan import scan

_SHARPNESS = 8  # c of the paper
_LEAST = 2.5e-7  # of 1 - a^2: the gradient of its root is 1000 there, and unbounded at 0
_RADII = (0.9, 0.999)  # of s(lambda) at the start


class RGLRU(Recurrence):
    """With s the logistic function, * by element, x, h input and output, and h' the h before:

    r, i = s(W x + b), each gate with its own W, b; a = s(lambda)^(8 r); h = a * h' + sqrt(1 - a^2) * (i * x).
    State: (h,).

    Where the input is not as wide as the output, x is a linear map of it. The gates are full matrices (the authors'
    code has blocks on the diagonal), and the first frame is as any other (there it has 1 for the root).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        same = input_size == hidden_size
        self.projection = None if same else nn.Linear(input_size, hidden_size, bias=False)
        self.inputs = nn.Linear(hidden_size, 2 * hidden_size)  # r, i
        self.radius = nn.Parameter(torch.empty(hidden_size))  # lambda
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        x = frames if self.projection is None else self.projection(frames)
        r, i = self.inputs(x).sigmoid().chunk(2, dim=-1)
        log_a = _SHARPNESS * r.to(self.radius.dtype) * F.logsigmoid(self.radius)
        rest = (-torch.expm1(2 * log_a)).clamp(min=_LEAST).sqrt()  # 1 - a * a would cancel
        (start,) = self.start_state(len(frames)) if state is None else state
        states = scan(log_a.exp(), rest * (i * x), start)
        return states, (states[:, -1],)

    def start_state(self, batch: int) -> State:
        return (self.radius.new_zeros(batch, self.output_size),)

    def initialise(self) -> None:
        """s(lambda) evenly over the area between two radii, as the authors' code: a is 0.43 to 0.992 where r is 1."""
        initialise_inputs(self.inputs, gate_biases=(0, 0))
        if self.projection is not None:
            nn.init.xavier_uniform_(self.projection.weight)
        smallest, largest = (radius**2 for radius in _RADII)
        area = torch.empty_like(self.radius).uniform_(smallest, largest)
        self.radius.data = area.sqrt().logit()
