"""SRU: exact values, its equations step by step, and the loop for other devices."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from asr.recurrent.recurrence import State
from asr.recurrent.sru import SRU
from tests.support.recurrences import (
    assert_steps_and_gradients,
    frames,
    joined,
    matrix,
    numbers,
    random_cell,
    stacked,
    vector,
)

WHOLE = (
    "-0.469846 0.143734 -0.265061 | -0.108547 -0.385475 0.263463 | 0.519489 0.002282 -0.569581 |"
    "-0.345779 0.416720 0.157057"
)


@pytest.mark.parametrize(
    ("scale", "looks", "expected"),
    [
        (1, True, WHOLE),
        (1, False, "-0.341051 0.412920 0.161882"),
        (3**0.5, True, "-0.585962 0.801150 0.157057"),
    ],
)
def test_exact_values(scale: float, looks: bool, expected: str) -> None:
    cell = SRU(3, 3).double()
    cell.load_state_dict(
        {
            "candidate.weight": matrix(3, 3, 0),
            "inputs.weight": stacked(3, 3, 1, 2),
            "inputs.bias": joined(3, 0, 1),
            "look": torch.stack([vector(3, 2), vector(3, 3)]) * looks,
        }
    )
    assert cell.highway_scale == 3**0.5
    cell.highway_scale = scale
    outputs, (cells,) = cell(frames(4, 3)[None])
    wanted = numbers(expected)
    torch.testing.assert_close(outputs[0, -len(wanted) :], wanted, rtol=0, atol=6e-7)
    if looks:
        torch.testing.assert_close(cells, numbers("-0.051428 -0.228325 0.243252"), rtol=0, atol=6e-7)


def step(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    (c,) = state
    f, r = (x @ weights["inputs.weight"].T + weights["inputs.bias"]).split(4, dim=1)
    f, r = torch.sigmoid(f + weights["look"][0] * c), torch.sigmoid(r + weights["look"][1] * c)
    c = f * c + (1 - f) * (x @ weights["candidate.weight"].T)
    if "projection.weight" in weights:
        x = x @ weights["projection.weight"].T
    return r * c + (1 - r) * 3**0.5 * x, (c,)


@pytest.mark.parametrize("inputs", [3, 4])
def test_the_equations_of_the_docstring_step_by_step_with_all_gradients(inputs: int) -> None:
    sound = torch.randn(2, 11, inputs, dtype=torch.float64)
    assert_steps_and_gradients(random_cell("sru", inputs, 4), step, sound)


def test_on_other_devices_the_same_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = random_cell("sru", 3, 4)
    sound = torch.randn(2, 11, 3, dtype=torch.float64)
    expected, _ = cell(sound)
    monkeypatch.setattr("asr.recurrent.sru.is_on_cpu", lambda _: False)
    assert_steps_and_gradients(cell, step, sound)
    torch.testing.assert_close(cell(sound)[0], expected, rtol=0, atol=1e-14)
