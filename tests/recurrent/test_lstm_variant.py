"""Variants of the LSTM: exact values of each, PyTorch's with projection, and the equations step by step."""

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor, nn

from asr.recurrent.families import make_recurrence
from asr.recurrent.lstm_variant import LSTMVariant
from asr.recurrent.recurrence import State
from asr.recurrent.settings import LSTMVariantSettings
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


def exact(settings: LSTMVariantSettings) -> LSTMVariant:
    """Three cells."""
    size = 2 if settings.num_cells else 3
    cell = make_recurrence(settings, 2, size).double()
    assert isinstance(cell, LSTMVariant)
    cell.initialise()
    own = settings.forget_gate == "own"
    gates, looking = ((0, 1, 2, 3), (1, 2, 3)) if own else ((0, 2, 3), (1, 3))
    weights = {
        "inputs.weight": stacked(3, 2, *gates),
        "feedback.weight": stacked(3, size, *(4 + gate for gate in gates)),
        "bias": joined(3, *gates),
    }
    if settings.peepholes:
        weights["peepholes"] = torch.stack([vector(3, seed) for seed in looking])
    if settings.num_cells:
        weights["projection.weight"] = matrix(2, 3, 8)
    norms = {name: value for name, value in cell.state_dict().items() if name.startswith("norms")}
    cell.load_state_dict({**weights, **norms})
    return cell


def variant(**settings: object) -> LSTMVariantSettings:
    return LSTMVariantSettings.parse({"kind": "lstm_variant", "peepholes": False, **settings}, source="")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            variant(),
            "-0.030526 -0.029405 0.106712 | 0.093286 0.043846 -0.157628 | 0.013429 0.157366 -0.153982 |"
            "-0.103528 0.025610 0.038858",
        ),
        (variant(peepholes=True), "0.013731 0.154820 -0.155736 | -0.101864 0.027001 0.041107"),
        (variant(forget_gate="none"), "0.031991 0.177177 -0.171631 | -0.081095 0.089475 -0.029036"),
        (variant(forget_gate="coupled"), "0.025277 0.161045 -0.152028 | -0.101608 0.039715 0.056196"),
        (variant(forget_gate="coupled", peepholes=True), "0.025922 0.158198 -0.151838 | -0.099867 0.038746 0.062729"),
        (variant(num_cells=3), "0.072702 0.065050 | 0.078620 -0.049582"),
        (variant(num_cells=3, peepholes=True), "0.070035 0.066739 | 0.079291 -0.050909"),
        (variant(layer_norm=True), "0.333525 0.289469 -0.523305 | 0.213798 -0.089552 -0.233208"),
    ],
    ids=str,
)
def test_exact_values(settings: LSTMVariantSettings, expected: str) -> None:
    wanted = numbers(expected)
    torch.testing.assert_close(exact(settings)(frames(4, 2)[None])[0][0][-len(wanted) :], wanted, rtol=0, atol=6e-7)


def test_exact_cells() -> None:
    _, (_, cells) = exact(variant())(frames(4, 2)[None])
    torch.testing.assert_close(cells, numbers("-0.240335 0.066086 0.098894"), rtol=0, atol=6e-7)


def test_the_projected_one_is_that_of_torch() -> None:
    torch.manual_seed(0)
    ours = LSTMVariant(3, 4, num_cells=6, peepholes=False, forget_gate="own", layer_norm=False).double()
    ours.initialise()
    theirs = nn.LSTM(3, 6, proj_size=4, batch_first=True).double()
    theirs.load_state_dict(
        {
            "weight_ih_l0": ours.inputs.weight,
            "weight_hh_l0": ours.feedback.weight,
            "bias_ih_l0": ours.bias,
            "bias_hh_l0": torch.zeros(24),
            "weight_hr_l0": ours.projection.weight,
        }
    )
    sound = torch.randn(2, 9, 3, dtype=torch.float64)
    torch.testing.assert_close(ours(sound)[0], theirs(sound)[0], rtol=0, atol=1e-14)


def with_peepholes(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    h, c = state
    gates = x @ weights["inputs.weight"].T + weights["bias"] + h @ weights["feedback.weight"].T
    i, f, g, o = gates.split(4, dim=1)
    see_i, see_f, see_o = weights["peepholes"]
    new = torch.sigmoid(f + see_f * c) * c + torch.sigmoid(i + see_i * c) * torch.tanh(g)
    h = torch.sigmoid(o + see_o * new) * torch.tanh(new)
    return h, (h, new)


def coupled_and_projected(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    m, c = state
    h = m @ weights["projection.weight"].T
    gates = x @ weights["inputs.weight"].T + weights["bias"] + h @ weights["feedback.weight"].T
    i, g, o = gates.split(7, dim=1)
    see_i, see_o = weights["peepholes"]
    i = torch.sigmoid(i + see_i * c)
    c = (1 - i) * c + i * torch.tanh(g)
    m = torch.sigmoid(o + see_o * c) * torch.tanh(c)
    return m @ weights["projection.weight"].T, (m, c)


def without_forget_gate(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    h, c = state
    i, g, o = (x @ weights["inputs.weight"].T + weights["bias"] + h @ weights["feedback.weight"].T).split(4, dim=1)
    c = c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, (h, c)


def norm(values: Tensor) -> Tensor:
    centred = values - values.mean(dim=1, keepdim=True)
    return centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()


def projected_and_normed(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    m, c = state
    h = m @ weights["projection.weight"].T
    from_x = norm(x @ weights["inputs.weight"].T) * weights["norms.inputs.weight"]
    from_h = norm(h @ weights["feedback.weight"].T) * weights["norms.feedback.weight"]
    i, f, g, o = (from_x + from_h + weights["bias"]).split(6, dim=1)
    see_i, see_f, see_o = weights["peepholes"]
    c = torch.sigmoid(f + see_f * c) * c + torch.sigmoid(i + see_i * c) * torch.tanh(g)
    m = torch.tanh(norm(c) * weights["norms.cells.weight"] + weights["norms.cells.bias"])
    m = torch.sigmoid(o + see_o * c) * m
    return m @ weights["projection.weight"].T, (m, c)


STEPS: dict[str, Callable[[Mapping[str, Tensor], Tensor, State], tuple[Tensor, State]]] = {
    "lstm with peepholes": with_peepholes,
    "lstm coupled, projected": coupled_and_projected,
    "lstm without forget gate": without_forget_gate,
    "lstm projected, normed": projected_and_normed,
}


@pytest.mark.parametrize("name", STEPS)
def test_the_equations_of_the_docstring_step_by_step_with_all_gradients(name: str) -> None:
    assert_steps_and_gradients(random_cell(name, 3, 4), STEPS[name], torch.randn(2, 11, 3, dtype=torch.float64))


@pytest.mark.parametrize(("gate", "kept"), [("own", [0.0, 1.0, 0.0, 0.0]), ("coupled", [-1.0, 0.0, 0.0])])
def test_the_memory_is_kept_at_the_start(gate: str, kept: list[float]) -> None:
    cell = exact(variant(forget_gate=gate))
    cell.initialise()
    assert cell.bias.view(-1, 3)[:, 0].tolist() == kept
    for feedback in cell.feedback.weight.split(3):
        torch.testing.assert_close(feedback @ feedback.T, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-12)
