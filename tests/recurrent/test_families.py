"""Each family in one direction: its equations step by step, its state, its start, its settings."""

import pytest
import torch
from torch import Tensor

from asr.errors import SettingsError
from asr.model_settings import ModelSettings
from asr.recurrent.families import make_recurrence
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.settings import GRUSettings, LSTMSettings, RecurrenceSettings

INPUTS, CELLS, FRAMES = 3, 4, 11
SETTINGS: dict[str, RecurrenceSettings] = {"lstm": LSTMSettings(), "gru": GRUSettings(kind="gru")}


@pytest.fixture(params=SETTINGS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cell(kind: str) -> Recurrence:
    torch.manual_seed(2)
    cell = make_recurrence(SETTINGS[kind], INPUTS, CELLS).double()
    cell.initialise()
    for parameter in cell.parameters():  # also biases that start as zero
        parameter.data += 0.1 * torch.randn_like(parameter)
    return cell


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


def test_the_equations_of_the_docstring_step_by_step(kind: str, cell: Recurrence) -> None:
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


@pytest.mark.parametrize(("kind", "num_gates"), [("lstm", 4), ("gru", 3)])
def test_one_gate_starts_open_and_the_recurrence_orthogonal(kind: str, num_gates: int) -> None:
    cell = make_recurrence(SETTINGS[kind], INPUTS, CELLS)
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
        ({"kind": "lstn"}, "conf: recurrence.kind: expected one of 'lstm', 'gru', found 'lstn'"),
        ({}, "conf: recurrence.kind: missing"),
        ({"kind": "gru", "cells": 3}, "conf: recurrence.cells: unknown key"),
        ("gru", "conf: recurrence: "),
    ],
)
def test_another_family_or_key_is_refused_by_its_path(recurrence: object, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ModelSettings.parse({"recurrence": recurrence}, source="conf")
    assert str(caught.value).startswith(message)
