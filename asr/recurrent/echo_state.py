"""Echo state network (Jaeger 2001, "The echo state approach to analysing and training recurrent neural networks"), with
leaky units (Jaeger et al. 2007): a reservoir that is drawn once and never trained.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor, nn

from asr.compiled import kernel
from asr.recurrent.loop import States, run_loop
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.scan import is_on_cpu
from asr.recurrent.spectral_radius import spectral_radius

_NON_ZEROS = 10  # of a row of W and of V, whatever their size
_LARGEST_BIAS = 0.2
_PARTS = ("columns", "weights")


class EchoState(Recurrence):
    """With x, s input and units, and s' the units before: s = (1 - a) s' + a tanh(V x + b + W s'). State: (s,).

    V, W and b are buffers, not parameters: no gradient, no weight decay, no average over steps. V and W have ten
    numbers a row. W is scaled to its spectral radius, V so that V x has the deviation `input_scale` for inputs of
    deviation 1. Whether the start is forgotten (the echo state property) depends on all of these: a radius below 1 is
    neither enough for it nor needed. The read-out is whatever follows: the layers above, in the end the head, trained
    by CTC; or `asr.recurrent.readout`, in closed form.
    """

    input_columns: Tensor
    input_weights: Tensor
    feedback_columns: Tensor
    feedback_weights: Tensor
    bias: Tensor

    def __init__(
        self, input_size: int, hidden_size: int, *, spectral_radius: float, leak: float, input_scale: float
    ) -> None:
        super().__init__()
        self.spectral_radius, self.leak, self.input_scale = spectral_radius, leak, input_scale
        self.input_size, self.output_size = input_size, hidden_size
        for name, size in (("input", input_size), ("feedback", hidden_size)):
            number = hidden_size * min(_NON_ZEROS, size)  # stored row by row
            self.register_buffer(f"{name}_columns", torch.zeros(number))  # as float32, like all of a model's file
            self.register_buffer(f"{name}_weights", torch.empty(number))
        self.register_buffer("bias", torch.empty(hidden_size))
        self.register_load_state_dict_post_hook(_refuse_other_columns)  # type: ignore[no-untyped-call]

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        (start,) = self.start_state(len(frames)) if state is None else state
        inputs = nn.functional.linear(frames.to(self.bias.dtype), self._dense("input", self.input_size), self.bias)
        if is_on_cpu(frames):
            columns, weights = self._rows("feedback")
            states: Tensor = _Reservoir.apply(inputs, start, self.leak, columns, weights)  # type: ignore[no-untyped-call]
        else:
            matrix = self._dense("feedback", self.output_size)
            (found,) = run_loop(self._leaky, inputs.transpose(0, 1), (start,), matrix)
            states = found.transpose(0, 1)
        return states, (states[:, -1],)

    def _dense(self, name: str, size: int) -> Tensor:
        columns, weights = self._rows(name)
        return weights.new_zeros(self.output_size, size).scatter_(1, columns, weights)

    def _rows(self, name: str) -> tuple[Tensor, Tensor]:
        columns, weights = (self.get_buffer(f"{name}_{part}").view(self.output_size, -1) for part in _PARTS)
        return columns.long(), weights

    def _leaky(self, inputs: Tensor, fed: Tensor, states: States) -> States:
        return (torch.lerp(states[0], (inputs + fed).tanh(), self.leak),)

    def start_state(self, batch: int) -> State:
        return (self.bias.new_zeros(batch, self.output_size),)

    def initialise(self) -> None:
        for name, size in (("input", self.input_size), ("feedback", self.output_size)):
            columns, weights = self.get_buffer(f"{name}_columns"), self.get_buffer(f"{name}_weights")
            per_row = len(columns) // self.output_size
            drawn = [torch.randperm(size)[:per_row] for _ in range(self.output_size)]
            columns.copy_(torch.stack(drawn).sort(dim=1).values.flatten())
            weights.uniform_(-1, 1)
        self.input_weights *= self.input_scale / (min(_NON_ZEROS, self.input_size) / 3) ** 0.5  # 1/3: their variance
        places, matrix = (each.cpu().numpy() for each in self._rows("feedback"))
        self.feedback_weights *= self.spectral_radius / spectral_radius(places, matrix.astype(np.float64))
        self.bias.uniform_(-_LARGEST_BIAS, _LARGEST_BIAS)


def _refuse_other_columns(cell: nn.Module, _: object) -> None:
    """Columns that a file names but the matrix does not have would be read from elsewhere in memory.

    Raises:
        RuntimeError: as PyTorch does for weights that do not fit.
    """
    assert isinstance(cell, EchoState)
    for name, size in (("input", cell.input_size), ("feedback", cell.output_size)):
        columns = cell.get_buffer(f"{name}_columns")
        if bool(((columns < 0) | (columns >= size)).any()):
            raise RuntimeError(f"{name}_columns of a reservoir are not all from 0 to {size - 1}")


class _Reservoir(torch.autograd.Function):
    """All s, on a CPU; differentiable by the inputs and the start, as nothing else is trained."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, start: Tensor, leak: float, *matrix: Tensor) -> Tensor:
        columns, weights = matrix
        squashed = torch.empty_like(inputs, memory_format=torch.contiguous_format)
        states = torch.empty_like(squashed)
        v, s, places, w = (each.detach().contiguous().numpy() for each in (inputs, start, columns, weights))
        _step_by_step(v, s, places, w, w.dtype.type(leak), squashed.numpy(), states.numpy())
        ctx.leak = leak
        ctx.save_for_backward(columns, weights, squashed)
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        columns, weights, squashed = ctx.saved_tensors
        of_inputs = torch.empty_like(squashed)
        of_start = squashed.new_zeros(len(squashed), squashed.shape[2])
        slopes = ctx.leak * (1 - squashed * squashed)
        g, slope, places, w = (each.contiguous().numpy() for each in (gradient, slopes, columns, weights))
        _step_by_step_back(g, slope, places, w, w.dtype.type(1 - ctx.leak), of_inputs.numpy(), of_start.numpy())
        return of_inputs, of_start, None, None, None


@kernel
def _step_by_step(
    inputs: Float[ndarray, "batch frames units"],
    start: Float[ndarray, "batch units"],
    columns: Int[ndarray, "units non_zeros"],
    weights: Float[ndarray, "units non_zeros"],
    leak: float,
    squashed: Float[ndarray, "batch frames units"],
    states: Float[ndarray, "batch frames units"],
) -> None:
    """Fills the results of tanh and `states`."""
    for row in range(len(inputs)):
        for frame in range(inputs.shape[1]):
            before = states[row, frame - 1] if frame > 0 else start[row]
            for unit in range(len(columns)):
                total = inputs[row, frame, unit]
                for place in range(columns.shape[1]):
                    total += weights[unit, place] * before[columns[unit, place]]
                squashed[row, frame, unit] = np.tanh(total)
                states[row, frame, unit] = before[unit] + leak * (squashed[row, frame, unit] - before[unit])


@kernel
def _step_by_step_back(
    gradient: Float[ndarray, "batch frames units"],
    slopes: Float[ndarray, "batch frames units"],
    columns: Int[ndarray, "units non_zeros"],
    weights: Float[ndarray, "units non_zeros"],
    kept: float,
    of_inputs: Float[ndarray, "batch frames units"],
    of_start: Float[ndarray, "batch units"],
) -> None:
    """Fills the gradient of the inputs, and adds to that of the start, which is zero, what it has at each frame."""
    for row in range(len(gradient)):
        for frame in range(gradient.shape[1] - 1, -1, -1):
            for unit in range(len(columns)):
                total = of_start[row, unit] + gradient[row, frame, unit]
                of_inputs[row, frame, unit] = total * slopes[row, frame, unit]
                of_start[row, unit] = kept * total
            for unit in range(len(columns)):
                for place in range(columns.shape[1]):
                    of_start[row, columns[unit, place]] += weights[unit, place] * of_inputs[row, frame, unit]
