"""Calibration of confidence, against data drawn with known probabilities."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from asr.alignment.confidence import Calibration, expected_calibration_error, fit_calibration, word_confidence
from asr.errors import SettingsError
from asr.scoring import score_utterance

probabilities = st.floats(0, 1)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def drawn(count: int, *, scale: float, offset: float, seed: int = 0) -> tuple[list[float], list[bool]]:
    """Raw confidences, and words that are right with the probability that the map with these numbers gives."""
    rng = np.random.default_rng(seed)
    raw = rng.uniform(0.02, 0.98, count)
    right = rng.random(count) < sigmoid(scale * np.log(raw / (1 - raw)) + offset)
    return raw.tolist(), right.tolist()


def test_which_words_of_a_hypothesis_are_right() -> None:
    utterance = score_utterance("a", "THE CAT SAT DOWN", "THE BAT SAT SAT")
    assert utterance.correct_words() == [True, False, True, False]
    assert score_utterance("a", "ONE TWO THREE", "TWO THREE OH").correct_words() == [True, True, False]
    assert score_utterance("a", "", "OH NO").correct_words() == [False, False]
    assert score_utterance("a", "ONE", "").correct_words() == []


def test_a_word_is_as_sure_as_its_least_sure_token() -> None:
    assert word_confidence([0.9, 0.3, 0.8]) == 0.3
    assert word_confidence([0.7]) == 0.7


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (0.4, -0.5), (2.0, 1.0)])
def test_the_map_that_made_the_data_is_found(scale: float, offset: float) -> None:
    raw, right = drawn(4000, scale=scale, offset=offset)
    found = fit_calibration(raw, right)
    assert found.scale == pytest.approx(scale, abs=0.15)
    assert found.offset == pytest.approx(offset, abs=0.15)
    calibrated = [found.apply(value) for value in raw]
    assert expected_calibration_error(calibrated, right) < 0.03
    if scale != 1:
        assert expected_calibration_error(raw, right) > 0.05


def test_the_fit_is_the_optimum_of_likelihood_and_prior_as_scipy_finds_it() -> None:
    raw, right = drawn(60, scale=0.5, offset=0.3, seed=1)
    logits, y = np.log(np.array(raw) / (1 - np.array(raw))), np.array(right, dtype=float)

    def loss(weights: np.ndarray) -> float:
        z = weights[0] * logits + weights[1]
        return np.sum(np.logaddexp(0, z) - y * z) + ((weights[0] - 1) ** 2 + weights[1] ** 2) / (2 * 2.0**2)

    best = scipy.optimize.minimize(loss, [1.0, 0.0], tol=1e-12).x
    found = fit_calibration(raw, right)
    assert [found.scale, found.offset] == pytest.approx(best.tolist(), abs=1e-4)


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("count", [1, 500])
def test_words_that_are_all_right_or_all_wrong_give_a_finite_map_in_the_right_direction(
    right: bool, count: int
) -> None:
    raw = np.linspace(0, 1, count).tolist()
    found = fit_calibration(raw, [right] * count)
    assert 0 <= found.scale < 10
    assert abs(found.offset) < 20
    assert found.apply(0.5) > 0.5 if right else found.apply(0.5) < 0.5
    assert 0 < found.apply(0.0) <= found.apply(1.0) < 1


def test_without_words_nothing_changes() -> None:
    assert fit_calibration([], []) == Calibration() == Calibration(scale=1.0, offset=0.0)
    assert [Calibration().apply(value) for value in (0.1, 0.5, 0.93)] == pytest.approx([0.1, 0.5, 0.93])


def test_where_surer_words_are_wrong_more_often_the_map_is_flat() -> None:
    raw, right = drawn(500, scale=-1.0, offset=1.0)
    found = fit_calibration(raw, right)
    assert found.scale == 0
    assert found.apply(0.1) == found.apply(0.9) == pytest.approx(np.mean(right), abs=0.02)


@settings(max_examples=40)
@given(st.lists(st.tuples(probabilities, st.booleans()), max_size=30), probabilities, probabilities)
def test_any_map_is_finite_and_never_falls(words: list[tuple[float, bool]], low: float, high: float) -> None:
    found = fit_calibration([raw for raw, _ in words], [right for _, right in words])
    low, high = sorted((low, high))
    assert 0 <= found.apply(low) <= found.apply(high) <= 1


def test_the_map_is_stored_as_settings_and_a_falling_one_is_refused() -> None:
    found = Calibration(scale=0.5, offset=-1.0)
    assert Calibration.parse(found.model_dump(mode="json"), source="here") == found
    with pytest.raises(ValidationError):
        found.scale = 2.0  # type: ignore[misc]
    with pytest.raises(SettingsError, match="here: scale"):
        Calibration.parse({"scale": -1.0}, source="here")


def test_expected_calibration_error_of_a_case_by_hand() -> None:
    # Bin [0.2, 0.3): mean 0.25, none right. Bin [0.9, 1]: mean 0.95, one of two right.
    assert expected_calibration_error([0.25, 0.9, 1.0], [False, True, False]) == pytest.approx((0.25 + 0.9) / 3)
    # With a single bin, only the means count.
    assert expected_calibration_error([0.25, 0.9, 1.0], [False, True, False], num_bins=1) == pytest.approx(1.15 / 3)
    assert expected_calibration_error([], []) == 0.0
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0.0


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="2 raw confidences and 1 judgements"):
        fit_calibration([0.1, 0.2], [True])
    with pytest.raises(ValueError, match="not in 0 to 1"):
        fit_calibration([float("nan")], [True])
    with pytest.raises(ValueError, match="1 confidences and 0 judgements"):
        expected_calibration_error([0.5], [])
