"""Li-GRU: exact values, its equations step by step, and that the stable form does not explode."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from asr.recurrent.ligru import LiGRU
from asr.recurrent.recurrence import State
from tests.support.recurrences import (
    assert_steps_and_gradients,
    frames,
    joined,
    numbers,
    random_cell,
    stacked,
)

RELU = "0.212606 0 0.344666 | 0.080035 0.148497 0.170945 | 0.024189 0.247787 0.121226 |0.285597 0.097138 0.240191"


@pytest.mark.parametrize(
    ("activation", "stable", "expected"),
    [
        ("relu", False, RELU),
        ("tanh", False, "-0.066109 -0.165666 0.020064"),
        ("relu", True, "0.132561 0.690723 0.042313"),
    ],
)
def test_exact_values_with_a_bias_instead_of_the_norm_of_the_inputs(
    activation: str, stable: bool, expected: str
) -> None:
    cell = LiGRU(2, 3, activation="relu" if activation == "relu" else "tanh", stable=stable)
    cell.inputs, cell.norms = nn.Linear(2, 6), nn.ModuleList([nn.Identity(), nn.Identity()])
    cell.double().load_state_dict(
        {
            "inputs.weight": stacked(3, 2, 0, 1),
            "inputs.bias": joined(3, 0, 1),
            "feedback.weight": stacked(3, 3, 2, 3),
        }
    )
    wanted = numbers(expected)
    torch.testing.assert_close(cell(frames(4, 2)[None])[0][0][-len(wanted) :], wanted, rtol=0, atol=6e-7)


def norm(values: Tensor) -> Tensor:
    centred = values - values.mean(dim=1, keepdim=True)
    return centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()


def gates(weights: Mapping[str, Tensor], x: Tensor) -> list[Tensor]:
    products = (x @ weights["inputs.weight"].T).split(4, dim=1)
    return [norm(p) * weights[f"norms.{k}.weight"] + weights[f"norms.{k}.bias"] for k, p in enumerate(products)]


def plain(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    (z, a), u = gates(weights, x), state[0] @ weights["feedback.weight"].T
    z = torch.sigmoid(z + u[:, :4])
    h = z * state[0] + (1 - z) * torch.clamp(a + u[:, 4:], min=0)
    return h, (h,)


def stable(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    (z, a), u = gates(weights, x), norm(state[0] @ weights["feedback.weight"].T)
    z = torch.sigmoid(z + u[:, :4])
    h = z * state[0] + (1 - z) * torch.tanh(a + u[:, 4:])
    return h, (h,)


@pytest.mark.parametrize(("name", "step"), [("ligru", plain), ("ligru stable", stable)])
def test_the_equations_of_the_docstring_step_by_step_with_all_gradients(name: str, step: object) -> None:
    assert callable(step)
    assert_steps_and_gradients(random_cell(name, 3, 4), step, torch.randn(2, 11, 3, dtype=torch.float64))


def test_large_feedback_explodes_unless_it_is_normalised() -> None:
    largest = []
    for is_stable in (False, True):
        torch.manual_seed(0)
        cell = LiGRU(2, 8, activation="relu", stable=is_stable)
        cell.initialise()
        cell.feedback.weight.data *= 30
        largest.append(float(cell(torch.randn(1, 1000, 2))[0].detach().abs().max()))
    assert not largest[0] < 1e6  # NaN in the end
    assert largest[1] < 10
