"""Simple recurrent units (Lei, Zhang, Wang, Dai & Artzi 2018, "Simple recurrent units for highly parallelizable
recurrence").
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor, nn

from asr.compiled import kernel
from asr.recurrent.gates import initialise_inputs
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.scan import is_on_cpu, scan_without_gradient

_HIGHWAY_SCALE = 3**0.5  # keeps the variance at the start, where r is 1/2: sqrt(1 + 2 exp(0))


class SRU(Recurrence):
    """With s the logistic function, * by element, x, h input and output, c the cells, and c' those before:

    f = s(W x + b + v * c'); c = f * c' + (1 - f) * (U x); r = s(R x + d + w * c'); h = r * c + (1 - r) * sqrt(3) x.
    State: (c,).

    A cell sees no other cell, so no step has a product. Where the input is not as wide as the output, the last x is a
    linear map of it.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(input_size, 2 * hidden_size)  # f, r
        self.candidate = nn.Linear(input_size, hidden_size, bias=False)
        self.look = nn.Parameter(torch.empty(2, hidden_size))  # v, w
        same = input_size == hidden_size
        self.projection = None if same else nn.Linear(input_size, hidden_size, bias=False)
        self.highway_scale = _HIGHWAY_SCALE
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        (start,) = self.start_state(len(frames)) if state is None else state
        f, r = self.inputs(frames).chunk(2, dim=-1)
        cells = run_cells(f, self.candidate(frames), self.look[0], start)
        before = torch.cat([start[:, None], cells[:, :-1]], dim=1)
        r = (r + self.look[1] * before).sigmoid()
        x = frames if self.projection is None else self.projection(frames)
        return torch.lerp(self.highway_scale * x.to(r.dtype), cells, r), (cells[:, -1],)

    def start_state(self, batch: int) -> State:
        return (self.look.new_zeros(batch, self.output_size),)

    def initialise(self) -> None:
        initialise_inputs(self.inputs, gate_biases=(1, 0))  # the memory is kept at the start
        for linear in (self.candidate, self.projection):
            if linear is not None:
                nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(self.look)


def run_cells(
    gates: Float[Tensor, "batch frames cells"],
    candidates: Float[Tensor, "batch frames cells"],
    look: Float[Tensor, "cells"],
    start: Float[Tensor, "batch cells"],
) -> Float[Tensor, "batch frames cells"]:
    """All c = f * c' + (1 - f) * u with f = s(g + v * c'), from g, u, v and the first c'; differentiable. In float32 at
    least.
    """
    dtype = torch.promote_types(gates.dtype, torch.float32)
    cells: Tensor = _Cells.apply(*(each.to(dtype) for each in (gates, candidates, look, start)))  # type: ignore[no-untyped-call]
    return cells


class _Cells(torch.autograd.Function):
    """Backwards, with all cells known, it is a linear recurrence: c changes with c' by f + f (1 - f) v (c' - u)."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, candidates: Tensor, look: Tensor, start: Tensor) -> Tensor:
        if is_on_cpu(gates):
            cells = torch.empty_like(gates, memory_format=torch.contiguous_format)
            g, u, v, c = (each.detach().contiguous().numpy() for each in (gates, candidates, look, start))
            _step_by_step(g, u, v, c, cells.numpy())
        else:
            states = [start]
            for gate, candidate in zip(gates.unbind(dim=1), candidates.unbind(dim=1), strict=True):
                states.append(torch.lerp(candidate, states[-1], torch.addcmul(gate, look, states[-1]).sigmoid()))
            cells = torch.stack(states[1:], dim=1)
        ctx.save_for_backward(gates, candidates, look, start, cells)
        return cells

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        gates, candidates, look, start, cells = ctx.saved_tensors
        before = torch.cat([start[:, None], cells[:, :-1]], dim=1)
        f = torch.addcmul(gates, look, before).sigmoid()
        by_gate = f * (1 - f) * (before - candidates)
        factors = torch.addcmul(f, by_gate, look)
        later = torch.cat([factors[:, 1:], torch.zeros_like(start)[:, None]], dim=1)
        found = scan_without_gradient(later, gradient, torch.zeros_like(start), backwards=True)
        of_gates = found * by_gate
        return of_gates, found * (1 - f), (of_gates * before).sum(dim=(0, 1)), factors[:, 0] * found[:, 0]


@kernel
def _step_by_step(
    gates: Float[ndarray, "batch frames cells"],
    candidates: Float[ndarray, "batch frames cells"],
    look: Float[ndarray, "cells"],
    start: Float[ndarray, "batch cells"],
    cells: Float[ndarray, "batch frames cells"],
) -> None:
    """Fills `cells`: one frame after the other, the cells side by side."""
    one = look.dtype.type(1)
    for row in range(len(gates)):
        for frame in range(gates.shape[1]):
            for cell in range(len(look)):
                before = cells[row, frame - 1, cell] if frame > 0 else start[row, cell]
                f = one / (one + np.exp(-(gates[row, frame, cell] + look[cell] * before)))
                u = candidates[row, frame, cell]
                cells[row, frame, cell] = u + f * (before - u)
