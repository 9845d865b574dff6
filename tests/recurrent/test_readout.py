"""The read-out in closed form, against least squares of NumPy, exact values, and labels by segments."""

import numpy as np
import pytest
import torch

from asr.recurrent.echo_state import EchoState
from asr.recurrent.readout import fit_readout, segment_labels
from tests.recurrent.test_echo_state import exact
from tests.support.recurrences import frames


@pytest.mark.parametrize("penalty", [0.0, 0.3, 100.0])
def test_it_is_least_squares_with_a_row_of_zeros_for_each_weight(penalty: float) -> None:
    rng = np.random.default_rng(0)
    utterances = [(rng.normal(3, 2, (n, 5)), rng.normal(-1, 1, (n, 2))) for n in (40, 1, 30)]
    weights, constants = fit_readout(iter(utterances), penalty)
    states, targets = (np.concatenate(each) for each in zip(*utterances, strict=True))
    shrinking = np.concatenate([np.eye(5) * penalty**0.5, np.zeros((5, 1))], axis=1)
    system = np.concatenate([np.concatenate([states, np.ones((71, 1))], axis=1), shrinking])
    expected, *_ = np.linalg.lstsq(system, np.concatenate([targets, np.zeros((5, 2))]))
    np.testing.assert_allclose(np.concatenate([weights, constants[:, None]], axis=1), expected.T, atol=1e-10)


def test_exact_values_on_the_states_of_a_reservoir() -> None:
    states = exact()(frames(6, 2)[None])[0][0].numpy()
    weights, constants = fit_readout([(states, np.eye(2)[[0, 0, 1, 1, 0, 1]])], 0.1)
    found = [*weights[0], constants[0]]
    np.testing.assert_allclose(found, [-0.175622, 0.131349, -0.737153, 0.536043, 0.619789], atol=6e-7)
    outputs = states @ weights[0] + constants[0]
    expected = [0.614138, 0.882263, 0.415326, 0.119062, 0.413504, 0.555708]
    np.testing.assert_allclose(outputs, expected, atol=6e-7)


def test_no_frames_are_refused() -> None:
    for nothing in ([], [(np.zeros((0, 2)), np.zeros((0, 1)))]):
        with pytest.raises(ValueError, match="no frames"):
            fit_readout(nothing, 1.0)


def test_each_frame_has_the_nearest_token_and_pauses_are_blank() -> None:
    labels = segment_labels([5, 7, 7], [2, 5, 14], 20, reach=3)
    assert labels.tolist() == [5] * 4 + [7] * 5 + [0] * 2 + [7] * 7 + [0] * 2
    assert segment_labels([5, 7], [1, 3], 5, reach=9).tolist() == [5, 5, 5, 7, 7]
    assert segment_labels([], [], 3, reach=9).tolist() == [0, 0, 0]


def test_a_reservoir_and_a_read_out_know_an_earlier_frame() -> None:
    """The label of a frame is the sign of the input three frames before: only echoes know it."""
    torch.manual_seed(0)
    cell = EchoState(2, 100, spectral_radius=0.9, leak=1.0, input_scale=0.5).double()
    cell.initialise()
    sound = torch.randn(1, 900, 2, dtype=torch.float64).sign()
    states = cell(sound)[0][0, 3:].numpy()
    labels = (sound[0, :-3, 0] > 0).long().numpy()
    weights, constants = fit_readout([(states[:600], np.eye(2)[labels[:600]])], 1e-3)
    right = (states[600:] @ weights.T + constants).argmax(axis=1) == labels[600:]
    assert right.mean() > 0.95
