"""The echo state network: exact values, its equations step by step, its echoes, and what of it is trained."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from asr.recurrent.bidirectional import Bidirectional
from asr.recurrent.echo_state import EchoState
from asr.recurrent.recurrence import State
from asr.recurrent.settings import EchoStateSettings
from tests.support.recurrences import assert_steps_and_gradients, frames, matrix, numbers, random_cell, vector

EXPECTED = (
    "0.268525 -0.098688 -0.145656 -0.098688 | -0.198530 0.197078 -0.164580 0.149988 |"
    "-0.383335 0.144274 0.289608 -0.144112 | 0.160612 -0.256543 0.375018 -0.302920"
)


def exact() -> EchoState:
    cell = EchoState(2, 4, spectral_radius=0.9, leak=0.5, input_scale=1.0).double()
    radius = torch.linalg.eigvals(matrix(4, 4, 1)).abs().max()
    torch.testing.assert_close(radius, torch.tensor(0.781241, dtype=torch.float64), rtol=0, atol=6e-7)
    cell.load_state_dict(
        {
            "input_columns": torch.arange(2.0).repeat(4),
            "input_weights": matrix(4, 2, 0).flatten(),
            "feedback_columns": torch.arange(4.0).repeat(4),
            "feedback_weights": (matrix(4, 4, 1) * 0.9 / radius).flatten(),
            "bias": vector(4, 0),
        }
    )
    return cell


def test_exact_values() -> None:
    torch.testing.assert_close(exact()(frames(4, 2)[None])[0][0], numbers(EXPECTED), rtol=0, atol=6e-7)


def test_two_starts_converge_by_exact_values() -> None:
    """The echo state property, of a reservoir whose largest singular value is 1.43."""
    starts = (torch.stack([torch.zeros(4), torch.ones(4)]).double(),)
    states, _ = exact()(frames(40, 2).expand(2, -1, -1), starts)
    apart = (states[0] - states[1]).abs().amax(dim=1)
    expected = torch.tensor([0.726212, 0.005849, 0.000021], dtype=torch.float64)
    torch.testing.assert_close(apart[[0, 9, 19]], expected, rtol=0, atol=6e-7)


@pytest.mark.parametrize(("radius", "forgets"), [(0.9, True), (1.8, False)])
def test_a_random_reservoir_forgets_its_start_if_the_radius_is_small(radius: float, forgets: bool) -> None:
    torch.manual_seed(0)
    cell = EchoState(3, 300, spectral_radius=radius, leak=0.5, input_scale=0.2)
    cell.initialise()
    starts = (torch.stack([torch.zeros(300), torch.randn(300).clamp(-1, 1)]),)
    states, _ = cell(torch.randn(1, 300, 3).expand(2, -1, -1), starts)
    apart = float((states[0, -1] - states[1, -1]).abs().max())
    assert (apart < 1e-4) is forgets


def dense(weights: Mapping[str, Tensor], name: str, size: int) -> Tensor:
    columns, values = (weights[f"{name}_{part}"].view(4, -1) for part in ("columns", "weights"))
    return torch.zeros(4, size, dtype=torch.float64).scatter(1, columns.long(), values)


def step(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    (s,) = state
    total = x @ dense(weights, "input", 3).T + weights["bias"] + s @ dense(weights, "feedback", 4).T
    s = 0.2 * s + 0.8 * torch.tanh(total)
    return s, (s,)


def test_the_equations_of_the_docstring_step_by_step_with_all_gradients() -> None:
    assert_steps_and_gradients(random_cell("echo_state", 3, 4), step, torch.randn(2, 11, 3, dtype=torch.float64))


def test_on_other_devices_the_same_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.recurrent.echo_state.is_on_cpu", lambda _: False)
    assert_steps_and_gradients(random_cell("echo_state", 3, 4), step, torch.randn(2, 11, 3, dtype=torch.float64))


def test_the_reservoir_has_the_radius_that_was_asked_for_and_ten_numbers_a_row() -> None:
    torch.manual_seed(0)
    cell = EchoState(30, 400, spectral_radius=0.95, leak=1.0, input_scale=0.5)
    cell.initialise()
    whole = cell._dense("feedback", 400)
    assert ((whole != 0).sum(dim=1) == 10).all()
    assert float(torch.linalg.eigvals(whole.double()).abs().max()) == pytest.approx(0.95, rel=1e-3)
    inputs = cell._dense("input", 30)
    assert ((inputs != 0).sum(dim=1) == 10).all()
    assert float((torch.randn(500, 30) @ inputs.T).std()) == pytest.approx(0.5, rel=0.05)


def test_nothing_of_it_is_trained_and_all_of_it_is_stored() -> None:
    layer = Bidirectional(*(random_cell("echo_state", 30, 40, seed) for seed in (1, 2)))
    assert not list(layer.parameters())
    stored = sum(each.numel() for name, each in layer.forward_cell.state_dict().items() if "columns" not in name)
    settings = EchoStateSettings(kind="echo_state")
    assert settings.num_weights(30, 40) == 0
    assert settings.num_fixed(30, 40) == stored
    ours, theirs = layer.forward_cell.state_dict(), layer.backward_cell.state_dict()
    assert not torch.equal(ours["feedback_weights"], theirs["feedback_weights"])


@pytest.mark.parametrize("name", ["input_columns", "feedback_columns"])
@pytest.mark.parametrize("column", [-1, 4])
def test_a_file_with_columns_that_the_matrix_does_not_have_is_refused(name: str, column: int) -> None:
    cell = EchoState(4, 4, spectral_radius=0.9, leak=0.5, input_scale=1.0)
    cell.initialise()
    weights = cell.state_dict()
    weights[name] = torch.full_like(weights[name], column)
    with pytest.raises(RuntimeError, match=f"{name} of a reservoir are not all from 0 to 3"):
        cell.load_state_dict(weights)
