"""Overlapping windows joined on log-probabilities against the full pass."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.longform.windows import Window, WindowPlan
from asr.normalisation import normalised, running_mean
from tests.support.talkative import sound, talkative
from tests.support.toy_engine import STEP, ToyEngine, say, toy_recognizer

RATE = 16_000


def windows_over(samples: np.ndarray, plan: WindowPlan) -> list[Window]:
    """All windows over a stretch."""
    windows: list[Window] = []
    start = 0
    while not windows or not windows[-1].is_last:
        is_last = len(samples) - start <= plan.length
        piece = samples[start : start + plan.length]
        windows.append(plan.window(start, piece, is_first=start == 0, is_last=is_last))
        start += plan.hop
    return windows


@settings(max_examples=20, deadline=None)
@given(
    step=st.sampled_from([160, 320, 480, 640, 800, 1280]),
    length=st.floats(1.0, 20.0),
    overlap=st.floats(0.0, 6.0),
    num_samples=st.integers(1, 40 * RATE),
)
def test_each_row_of_a_stretch_is_used_once_and_stands_for_its_own_samples(
    step: int, length: float, overlap: float, num_samples: int
) -> None:
    plan = WindowPlan.of(step, length=max(length, overlap + 0.5), overlap=overlap)
    samples = np.arange(num_samples, dtype=np.float32)
    rows, sound_of_rows = [], []
    for window in windows_over(samples, plan):
        assert window.start % step == 0
        of_window = window.start // step + np.arange(len(window.samples) // step + 1.0)
        rows += window.rows(of_window[:, None])[:, 0].tolist()
        sound_of_rows.append(window.sound())
    assert rows == list(range(num_samples // step + 1))
    np.testing.assert_array_equal(np.concatenate(sound_of_rows), samples)


@pytest.mark.parametrize(("overlap", "is_exact"), [(0.0, False), (0.2, False), (0.5, True), (1.0, True), (3.0, True)])
def test_the_join_is_exact_once_the_overlap_covers_what_a_window_lacks(overlap: float, is_exact: bool) -> None:
    """The toy network errs in the 5 rows (0.2 s) at both ends of what it hears: the full pass only at its own ends."""
    engine = toy_recognizer(reach=5).engine
    samples = say("HELLO WORLD NO NO NO NO " * 10)
    joined = [w.rows(engine.log_probs([w.samples])[0]) for w in windows_over(samples, plan_with(overlap))]
    (full,) = engine.log_probs([samples])
    assert np.array_equal(np.concatenate(joined), full) == is_exact


def plan_with(overlap: float) -> WindowPlan:
    return WindowPlan.of(STEP, length=6.0, overlap=overlap)


def test_as_the_overlap_grows_a_blstm_in_windows_becomes_that_of_the_full_pass() -> None:
    recognizer = talkative(3, num_layers=2)
    engine = recognizer.engine
    recognizer.model.head.weight.data /= 40  # so that a probability is not all or nothing
    samples = sound(12 * RATE)
    frames = engine.log_mel(samples)
    mean = running_mean(engine.settings.features, RATE)
    mean.accept(frames)
    frames = normalised(frames, mean.mean(), engine.settings.features)
    (full,) = engine.encode([frames])
    errors = []
    for overlap in (0.0, 0.4, 0.8, 1.6, 3.2, 6.4):
        plan = WindowPlan.of(STEP, length=overlap + 3.0, overlap=overlap)
        joined = []
        for window in windows_over(samples, plan):
            first, last = window.start // 160, (window.start + len(window.samples)) // 160 + 1
            joined.append(window.rows(engine.encode([frames[first : last if window.is_last else last - 1]])[0]))
        errors.append(float(np.abs(np.exp(np.concatenate(joined)) - np.exp(full)).mean()))
    assert all(later < earlier for earlier, later in pairwise(errors)), errors
    assert errors[-1] < errors[0] / 1000 < 1e-5


def test_a_window_that_holds_all_is_the_full_pass() -> None:
    engine = ToyEngine(toy_recognizer().tokens, reach=3)
    samples = say("HELLO")
    (window,) = windows_over(samples, WindowPlan.of(STEP))
    assert np.array_equal(window.rows(engine.log_probs([window.samples])[0]), engine.log_probs([samples])[0])
