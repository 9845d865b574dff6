"""Families that are parallel over time: their equations step by step, and exact values."""

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from asr.recurrent.families import make_recurrence
from asr.recurrent.rglru import RGLRU
from tests.support.recurrences import FAMILIES, frames, joined, numbers, random_cell, stacked, vector

INPUTS, CELLS = 3, 4
Weights = Mapping[str, Tensor]


def gates(weights: Weights, x: Tensor) -> tuple[Tensor, ...]:
    return (weights["inputs.weight"] @ x + weights["inputs.bias"]).split(CELLS)


def g(values: Tensor) -> Tensor:
    return torch.tensor([v + 0.5 if v >= 0 else 1 / (1 + torch.tensor(-v).exp()) for v in values.tolist()])


def mingru(weights: Weights, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    z, n = gates(weights, x)
    h = (1 - z.sigmoid()) * h + z.sigmoid() * n
    return h, h


def mingru_positive(weights: Weights, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    z, n = gates(weights, x)
    h = (1 - z.sigmoid()) * h + z.sigmoid() * g(n)
    return h, h


def minlstm(weights: Weights, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    f, i, n = gates(weights, x)
    f, i = f.sigmoid(), i.sigmoid()
    h = f / (f + i) * h + i / (f + i) * n
    return h, h


def minlstm_positive(weights: Weights, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    f, i, n = gates(weights, x)
    f, i = f.sigmoid(), i.sigmoid()
    h = (f * h + i * g(n)) / (f + i)
    return h, h


def rglru(weights: Weights, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    x = weights["projection.weight"] @ x
    r, i = gates(weights, x)
    a = weights["radius"].sigmoid() ** (8 * r.sigmoid())
    h = a * h + (1 - a**2).sqrt() * (i.sigmoid() * x)
    return h, h


def hgrn(weights: Weights, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    f, candidate, gate = gates(weights, x)
    low = weights["bound"].sigmoid()
    f = low + (1 - low) * f.sigmoid()
    h = f * h + (1 - f) * candidate * candidate.sigmoid()
    return gate.sigmoid() * h, h


STEPS: dict[str, Callable[[Weights, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "mingru": mingru,
    "mingru positive": mingru_positive,
    "minlstm": minlstm,
    "minlstm positive": minlstm_positive,
    "rglru": rglru,
    "hgrn": hgrn,
}


@pytest.mark.parametrize("name", STEPS)
def test_the_equations_of_the_docstring_step_by_step(name: str) -> None:
    cell = random_cell(name, INPUTS, CELLS)
    sound = torch.randn(2, 11, INPUTS, dtype=torch.float64)
    outputs, (final,) = cell(sound)
    for row in range(2):
        h = torch.zeros(CELLS, dtype=torch.float64)
        for frame in range(sound.shape[1]):
            y, h = STEPS[name](cell.state_dict(), sound[row, frame], h)
            torch.testing.assert_close(outputs[row, frame], y, rtol=0, atol=1e-7 if "positive" in name else 1e-12)
        torch.testing.assert_close(final[row], h, rtol=0, atol=1e-7 if "positive" in name else 1e-12)


TWO, THREE = (stacked(3, 2, 0, 1), joined(3, 0, 1)), (stacked(3, 2, 0, 1, 2), joined(3, 0, 1, 2))
VALUES: dict[str, tuple[tuple[Tensor, Tensor], str]] = {
    "mingru": (
        TWO,
        "0.387394 -0.090033 0.255334 | 0.002083 0.143475 -0.172333 | -0.153576 0.221737 -0.605407 |"
        "0.377740 0.052489 -0.025091",
    ),
    "mingru positive": (
        TWO,
        "0.710222 0.202649 0.468113 | 0.576135 0.560276 0.411228 | 0.514566 0.680138 0.341401 |"
        "0.941221 0.587847 0.687152",
    ),
    "minlstm": (
        THREE,
        "-0.050000 -0.100000 0.361640 | 0.264328 0.046900 -0.078681 | 0.009367 0.342611 -0.209301 |"
        "-0.254340 0.161477 0.283974",
    ),
    "minlstm positive": (
        THREE,
        "0.237510 0.225083 0.663007 | 0.654594 0.457634 0.525642 | 0.542343 0.801070 0.479727 |"
        "0.457022 0.641898 0.870459",
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_exact_values(name: str) -> None:
    (weight, bias), expected = VALUES[name]
    cell = make_recurrence(FAMILIES[name], 2, 3).double()
    cell.load_state_dict({"inputs.weight": weight, "inputs.bias": bias})
    torch.testing.assert_close(cell(frames(4, 2)[None])[0][0], numbers(expected), rtol=0, atol=6e-7)


def test_exact_values_of_mingru_with_positive_states_from_another_start() -> None:
    """The state that is handed over is h itself, not g of it."""
    cell = make_recurrence(FAMILIES["mingru positive"], 2, 3).double()
    cell.load_state_dict({"inputs.weight": TWO[0], "inputs.bias": TWO[1]})
    outputs, _ = cell(frames(4, 2)[None], (torch.full((1, 3), 0.5, dtype=torch.float64),))
    torch.testing.assert_close(outputs[0, 3:], numbers("0.971019 0.620873 0.708301"), rtol=0, atol=6e-7)


def test_exact_values_of_rglru() -> None:
    cell = make_recurrence(FAMILIES["rglru"], 3, 3).double()
    weights = {"inputs.weight": stacked(3, 3, 0, 1), "inputs.bias": joined(3, 0, 1), "radius": 2 + vector(3, 2)}
    cell.load_state_dict(weights)
    expected = numbers(
        "-0.532016 0.179943 -0.256962 | -0.371246 -0.308136 -0.008090 | -0.044182 -0.228756 -0.281593 |"
        "-0.306480 0.152094 -0.156814"
    )
    torch.testing.assert_close(cell(frames(4, 3)[None])[0][0], expected, rtol=0, atol=6e-7)


@pytest.mark.parametrize(
    ("low", "expected"),
    [
        (
            0.25,
            "0.048905 -0.016714 0.107761 | -0.038336 0.014250 0.008158 | -0.056872 0.052184 -0.014649 |"
            "0.015811 0.002053 0.057400",
        ),
        (0, "0.028678 -0.005696 0.073014"),
    ],
)
def test_exact_values_of_hgrn(low: float, expected: str) -> None:
    cell = make_recurrence(FAMILIES["hgrn"], 2, 3).double()
    bound = torch.full((3,), low, dtype=torch.float64).logit()
    cell.load_state_dict({"inputs.weight": THREE[0], "inputs.bias": THREE[1], "bound": bound})
    wanted = numbers(expected)
    outputs = cell(frames(4, 2)[None])[0][0]
    torch.testing.assert_close(outputs[-len(wanted) :], wanted, rtol=0, atol=6e-7)


def test_rglru_starts_with_the_radii_of_the_authors_and_its_gradient_is_bounded() -> None:
    cell = RGLRU(2, 4000)
    cell.initialise()
    radius = cell.radius.detach().sigmoid()
    assert 0.9 <= radius.min() < 0.901
    assert 0.998 < radius.max() < 0.99901
    torch.testing.assert_close((radius**2).mean(), torch.tensor((0.81 + 0.998001) / 2), rtol=0, atol=3e-3)
    cell.radius.data.fill_(30)  # a is 1 in float32
    sound = torch.randn(1, 20, 2, requires_grad=True)
    cell(sound)[0].sum().backward()
    assert sound.grad.isfinite().all()
    assert all(weights.grad.isfinite().all() for weights in cell.parameters())
