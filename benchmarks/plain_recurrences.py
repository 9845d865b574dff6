"""Each family as a plain loop over its equations, recorded by torch: what `recurrence.py --plain` compares with.

What sees the frame alone is computed of all frames at once, as whoever writes such a loop would.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

State: TypeAlias = tuple[Tensor, ...]
Step: TypeAlias = Callable[[Any, Tensor, State], tuple[Tensor, State]]


def run_plain(kind: str, cell: Any, frames: Tensor) -> Tensor:
    """The outputs (batch, frames, outputs) of a cell of this kind with its default settings."""
    prepare, step = PLAIN[kind]
    state, rows = cell.start_state(len(frames)), []
    for row in prepare(cell, frames).unbind(dim=1):
        output, state = step(cell, row, state)
        rows.append(output)
    return torch.stack(rows, dim=1)


def lstm(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    h, c = state
    i, f, g, o = (row + h @ cell.weight_hh_l0.T).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return h, (h, c)


def gru(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    (h,) = state
    (r, z, n), (r_fed, z_fed, n_fed) = (
        each.chunk(3, dim=1) for each in (row, F.linear(h, cell.weight_hh_l0, cell.bias_hh_l0))
    )
    n = (n + (r + r_fed).sigmoid() * n_fed).tanh()
    h = n + (z + z_fed).sigmoid() * (h - n)
    return h, (h,)


def elman(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    h = (row + cell.feedback(state[0])).tanh()
    return h, (h,)


def jordan(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    h = (row + cell.feedback(state[0])).tanh()
    y = cell.readout(h).softmax(dim=1)
    return h, (cell.context_decay * state[0] + (1 - cell.context_decay) * y,)


def fully_recurrent(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    (s,) = state
    for _ in range(cell.ticks):
        s = (row + cell.feedback(s)).tanh()
    return s[:, -cell.output_size :], (s,)


def lstm_variant(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    h, c = state
    see_i, see_f, see_o = cell.peepholes.unbind()
    i, f, g, o = (row + cell.feedback(h)).chunk(4, dim=1)
    c = (f + see_f * c).sigmoid() * c + (i + see_i * c).sigmoid() * g.tanh()
    h = (o + see_o * c).sigmoid() * c.tanh()
    return h, (h, c)


def ligru(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    (h,) = state
    z, a = (row + cell.feedback(h)).chunk(2, dim=1)
    z = z.sigmoid()
    h = z * h + (1 - z) * a.relu()
    return h, (h,)


def ligru_inputs(cell: Any, frames: Tensor) -> Tensor:
    gates = cell.inputs(frames).chunk(2, dim=2)
    return torch.cat([norm(gate) for norm, gate in zip(cell.norms, gates, strict=True)], dim=2)


def mingru(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    z, n = row.chunk(2, dim=1)
    z = z.sigmoid()
    h = (1 - z) * state[0] + z * n
    return h, (h,)


def minlstm(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    f, i, n = row.chunk(3, dim=1)
    f, i = f.sigmoid(), i.sigmoid()
    h = (f * state[0] + i * n) / (f + i)
    return h, (h,)


def rglru(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    r, i, x = row.chunk(3, dim=1)
    log_a = 8 * r.sigmoid() * F.logsigmoid(cell.radius)
    h = log_a.exp() * state[0] + (-torch.expm1(2 * log_a)).sqrt() * i.sigmoid() * x
    return h, (h,)


def hgrn(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    f, candidate, gate = row.chunk(3, dim=1)
    low = cell.bound.sigmoid()
    f = low + (1 - low) * f.sigmoid()
    h = f * state[0] + (1 - f) * F.silu(candidate)
    return gate.sigmoid() * h, (h,)


def sru(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    (c,) = state
    f, r, u, x = row.chunk(4, dim=1)
    f, r = (f + cell.look[0] * c).sigmoid(), (r + cell.look[1] * c).sigmoid()
    c = f * c + (1 - f) * u
    return r * c + (1 - r) * cell.highway_scale * x, (c,)


def qrnn(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    z, f, o = row.chunk(3, dim=1)
    f = f.sigmoid()
    c = f * state[0] + (1 - f) * z.tanh()
    return o.sigmoid() * c, (c, state[1])


def qrnn_inputs(cell: Any, frames: Tensor) -> Tensor:
    gates: Tensor = cell.inputs(torch.cat([F.pad(frames, (0, 0, 1, -1)), frames], dim=2))
    return gates


def echo_state(cell: Any, row: Tensor, state: State) -> tuple[Tensor, State]:
    (s,) = state
    columns, weights = cell._rows("feedback")
    s = (1 - cell.leak) * s + cell.leak * (row + (s[:, columns] * weights).sum(dim=2)).tanh()
    return s, (s,)


def echo_inputs(cell: Any, frames: Tensor) -> Tensor:
    columns, weights = cell._rows("input")
    dense = frames.new_zeros(len(columns), frames.shape[2]).scatter(1, columns, weights)
    return frames @ dense.T + cell.bias


PLAIN: dict[str, tuple[Callable[[Any, Tensor], Tensor], Step]] = {
    "lstm": (lambda cell, x: F.linear(x, cell.weight_ih_l0, cell.bias_ih_l0 + cell.bias_hh_l0), lstm),
    "gru": (lambda cell, x: F.linear(x, cell.weight_ih_l0, cell.bias_ih_l0), gru),
    "elman": (lambda cell, x: cell.inputs(x), elman),
    "jordan": (lambda cell, x: cell.inputs(x), jordan),
    "fully_recurrent": (
        lambda cell, x: F.pad(cell.inputs(x), (0, len(cell.bias) - cell.inputs.out_features)) + cell.bias,
        fully_recurrent,
    ),
    "lstm_variant": (lambda cell, x: cell.inputs(x) + cell.bias, lstm_variant),
    "ligru": (ligru_inputs, ligru),
    "mingru": (lambda cell, x: cell.inputs(x), mingru),
    "minlstm": (lambda cell, x: cell.inputs(x), minlstm),
    "rglru": (lambda cell, x: torch.cat([cell.inputs(x), x], dim=2), rglru),
    "hgrn": (lambda cell, x: cell.inputs(x), hgrn),
    "sru": (lambda cell, x: torch.cat([cell.inputs(x), cell.candidate(x), x], dim=2), sru),
    "qrnn": (qrnn_inputs, qrnn),
    "echo_state": (echo_inputs, echo_state),
}
