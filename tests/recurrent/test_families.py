"""Each family in one direction: its equations step by step, its state, its start, its settings."""

import pytest
import torch
from torch import Tensor

from asr.errors import SettingsError
from asr.model_settings import ModelSettings
from asr.recurrent.families import make_recurrence
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.settings import GRUSettings, LSTMSettings
from tests.support.recurrences import FAMILIES, random_cell

INPUTS, CELLS, FRAMES = 3, 4, 11


@pytest.fixture(params=FAMILIES)
def cell(request: pytest.FixtureRequest) -> Recurrence:
    return random_cell(str(request.param), INPUTS, CELLS)


def lstm_step(weights: dict[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    h, c = state
    gates = weights["weight_ih_l0"] @ x + weights["bias_ih_l0"] + weights["weight_hh_l0"] @ h + weights["bias_hh_l0"]
    i, f, g, o = gates.split(CELLS)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return h, (h, c)


def gru_step(weights: dict[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    (h,) = state
    from_input = (weights["weight_ih_l0"] @ x + weights["bias_ih_l0"]).split(CELLS)
    from_output = (weights["weight_hh_l0"] @ h + weights["bias_hh_l0"]).split(CELLS)
    r, z = ((a + b).sigmoid() for a, b in zip(from_input[:2], from_output[:2], strict=True))
    n = (from_input[2] + r * from_output[2]).tanh()
    h = (1 - z) * n + z * h
    return h, (h,)


STEPS = {"lstm": lstm_step, "gru": gru_step}


@pytest.mark.parametrize("kind", STEPS)
def test_the_equations_of_the_docstring_step_by_step(kind: str) -> None:
    cell = random_cell(kind, INPUTS, CELLS)
    frames = torch.randn(2, FRAMES, INPUTS, dtype=torch.float64)
    outputs, final = cell(frames)
    for row in range(2):
        state: State = tuple(torch.zeros(CELLS, dtype=torch.float64) for _ in final)
        for frame in range(FRAMES):
            h, state = STEPS[kind](cell.state_dict(), frames[row, frame], state)
            torch.testing.assert_close(outputs[row, frame], h, rtol=0, atol=1e-12)
        for ours, expected in zip(final, state, strict=True):
            torch.testing.assert_close(ours[row], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("piece", [1, 4, FRAMES])
def test_in_pieces_as_in_one(cell: Recurrence, piece: int) -> None:
    frames = torch.randn(3, FRAMES, INPUTS, dtype=torch.float64)
    expected, final = cell(frames)
    outputs, state = [], None
    for part in frames.split(piece, dim=1):
        output, state = cell(part, state)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, dim=1), expected, rtol=0, atol=1e-12)
    assert state is not None
    for ours, whole in zip(state, final, strict=True):
        assert ours.shape[0] == 3  # the batch comes first in every state, so that streams can be put together
        torch.testing.assert_close(ours, whole, rtol=0, atol=1e-12)
    assert outputs[0].shape[-1] == cell.output_size


def test_all_gradients_are_right_by_finite_differences(cell: Recurrence) -> None:
    frames = torch.randn(2, 4, INPUTS, dtype=torch.float64, requires_grad=True)
    start = tuple(0.3 + 0.1 * torch.randn_like(each) for each in cell.start_state(2))
    names, weights = list(dict(cell.named_parameters())), list(cell.parameters())

    def run(frames: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        state = tuple(rest[: len(start)])
        outputs, after = torch.func.functional_call(
            cell, dict(zip(names, rest[len(start) :], strict=True)), (frames, state)
        )
        return outputs, *after

    inputs = (frames, *(each.requires_grad_() for each in start), *(each.detach().requires_grad_() for each in weights))
    assert torch.autograd.gradcheck(run, inputs)


def test_without_a_state_it_starts_from_the_start_state(cell: Recurrence) -> None:
    frames = torch.randn(3, 5, INPUTS, dtype=torch.float64)
    assert torch.equal(cell(frames)[0], cell(frames, cell.start_state(3))[0])


@pytest.mark.parametrize("inputs", [INPUTS, CELLS])
@pytest.mark.parametrize("name", FAMILIES)
def test_the_number_of_weights_is_known_before_they_are_there(name: str, inputs: int) -> None:
    cell = random_cell(name, inputs, CELLS)
    assert FAMILIES[name].num_weights(inputs, CELLS) == sum(weights.numel() for weights in cell.parameters())


@pytest.mark.parametrize("name", FAMILIES)
def test_all_weights_are_drawn_and_a_seed_draws_the_same(name: str) -> None:
    drawn = []
    for _ in range(2):
        cell = make_recurrence(FAMILIES[name], INPUTS, CELLS)
        for weights in cell.state_dict().values():  # also those that are not trained
            weights.fill_(torch.nan)
        torch.manual_seed(3)
        cell.initialise()
        drawn.append(torch.cat([each.flatten() for each in cell.state_dict().values()]))
    assert drawn[0].isfinite().all()
    assert torch.equal(*drawn)


@pytest.mark.parametrize(("kind", "num_gates"), [("lstm", 4), ("gru", 3)])
def test_one_gate_starts_open_and_the_recurrence_orthogonal(kind: str, num_gates: int) -> None:
    cell = make_recurrence(FAMILIES[kind], INPUTS, CELLS)
    cell.initialise()
    weights = cell.state_dict()
    bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    assert bias.tolist() == [0.0] * CELLS + [1.0] * CELLS + [0.0] * (num_gates - 2) * CELLS
    for gate in weights["weight_hh_l0"].split(CELLS):
        torch.testing.assert_close(gate @ gate.T, torch.eye(CELLS), rtol=0, atol=1e-6)


def test_a_model_is_made_of_lstms_if_nothing_is_said() -> None:
    assert ModelSettings().recurrence == LSTMSettings()
    assert ModelSettings.parse({"recurrence": {"kind": "gru"}}, source="conf").recurrence == GRUSettings(kind="gru")


@pytest.mark.parametrize(
    ("recurrence", "message"),
    [
        ({"kind": "lstn"}, "conf: recurrence.kind: expected one of 'lstm', 'lstm_variant', 'gru', "),
        ({}, "conf: recurrence.kind: missing"),
        ({"kind": "gru", "cells": 3}, "conf: recurrence.cells: unknown key"),
        ("gru", "conf: recurrence: "),
    ],
)
def test_another_family_or_key_is_refused_by_its_path(recurrence: object, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ModelSettings.parse({"recurrence": recurrence}, source="conf")
    assert str(caught.value).startswith(message)


def test_a_gru_gives_in_recognition_what_it_gives_in_training() -> None:
    """By PyTorch's own loop, and by that with a backward pass by hand."""
    cell = random_cell("gru", INPUTS, CELLS)
    frames, start = torch.randn(3, FRAMES, INPUTS, dtype=torch.float64), (torch.randn(3, CELLS, dtype=torch.float64),)
    outputs, (final,) = cell(frames, start)
    with torch.no_grad():
        expected, (last,) = cell(frames, start)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(final, last, rtol=0, atol=1e-14)
