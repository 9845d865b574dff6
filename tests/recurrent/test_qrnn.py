"""QRNN: exact values, and its equations step by step."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from asr.recurrent.qrnn import QRNN
from asr.recurrent.recurrence import State
from tests.support.recurrences import assert_steps_and_gradients, frames, joined, matrix, numbers, random_cell

FO = (
    "0.106532 -0.123993 0.175571 | 0.062114 -0.039421 0.084220 | -0.126987 0.047554 -0.214706 |"
    "-0.032630 -0.021889 0.237960"
)


@pytest.mark.parametrize(("gates", "expected"), [("fo", FO), ("ifo", "-0.023270 0.050602 0.173954")])
def test_exact_values(gates: str, expected: str) -> None:
    cell = QRNN(2, 3, pooling="ifo" if gates == "ifo" else "fo").double()
    number = 1 + len(gates)
    rows = [torch.cat([matrix(3, 2, 2 * gate), matrix(3, 2, 2 * gate + 1)], dim=1) for gate in range(number)]
    cell.load_state_dict({"inputs.weight": torch.cat(rows), "inputs.bias": joined(3, *range(number))})
    wanted = numbers(expected)
    torch.testing.assert_close(cell(frames(4, 2)[None])[0][0][-len(wanted) :], wanted, rtol=0, atol=6e-7)


def step(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    c, before = state
    older, newer = weights["inputs.weight"].split(3, dim=1)
    z, f, o, *i = (before @ older.T + x @ newer.T + weights["inputs.bias"]).split(4, dim=1)
    f = torch.sigmoid(f)
    c = f * c + (torch.sigmoid(i[0]) if i else 1 - f) * torch.tanh(z)
    return torch.sigmoid(o) * c, (c, x)


@pytest.mark.parametrize("name", ["qrnn", "qrnn ifo"])
def test_the_equations_of_the_docstring_step_by_step_with_all_gradients(name: str) -> None:
    assert_steps_and_gradients(random_cell(name, 3, 4), step, torch.randn(2, 11, 3, dtype=torch.float64))
