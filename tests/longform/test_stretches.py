"""Where recordings are cut: by hand-made sounds whose pauses are known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.longform.stretches import StretchCutter
from asr.longform.windows import Window, WindowPlan
from tests.support.toy_engine import STEP, say, silence

RATE = 16_000


def cut(samples: np.ndarray, piece: int = 10 * RATE) -> list[Window]:
    cutter = StretchCutter(WindowPlan.of(STEP))
    windows = [w for start in range(0, len(samples), piece) for w in cutter.accept(samples[start : start + piece])]
    return windows + list(cutter.finish())


def spans(windows: list[Window]) -> list[tuple[float, float]]:
    """Start and end of each, in seconds."""
    return [(w.start / RATE, (w.start + len(w.samples)) / RATE) for w in windows]


SENTENCE = say("THIS IS A SENTENCE")  # 2.88 s, of which the last 0.08 are silent


@pytest.mark.parametrize("edge", [0.0, 0.2, 0.5])
def test_a_short_file_without_a_long_pause_is_one_stretch_whole(edge: float) -> None:
    samples = np.concatenate(
        [silence(edge), SENTENCE, silence(0.15), say("WORD"), silence(edge), np.zeros(77, np.float32)]
    )
    (window,) = cut(samples)
    assert window.start == 0
    np.testing.assert_array_equal(window.samples, samples)
    np.testing.assert_array_equal(window.rows(np.zeros((9, 3))), np.zeros((9, 3)))


def test_sentences_are_cut_amid_their_pauses_and_of_a_long_one_only_the_edges_are_kept() -> None:
    samples = np.concatenate([silence(2), SENTENCE, silence(0.4), SENTENCE, silence(20), SENTENCE, silence(3)])
    ends = [(2.0, 4.80), (5.28, 8.08), (28.16, 30.96)]  # of the sentences, from first to last tone
    found = spans(cut(samples))
    assert len(found) == 3
    for (start, end), (first, last) in zip(found, ends, strict=True):
        assert first - 0.31 <= start <= first - 0.19
        assert last + 0.15 <= end <= last + 0.31
    assert found[0][1] == found[1][0] == pytest.approx(5.04, abs=0.03)  # both sides of the short one touch


@pytest.mark.parametrize("seconds", [1.0, 75.0, 200.0])
def test_single_words_amid_much_silence_are_found(seconds: float) -> None:
    """Speech is a hundredth of the sound: a percentile of the level would not see it."""
    word = say("YES")
    samples = np.concatenate([silence(20), word, silence(seconds), word, silence(seconds)])
    found = spans(cut(samples))
    assert [start for start, _ in found] == pytest.approx([19.7, 20.18 + seconds], abs=0.06)
    assert all(end - start < 1.1 for start, end in found)


def test_a_long_stretch_is_cut_at_its_best_pause() -> None:
    parts = [SENTENCE, silence(0.08), SENTENCE, silence(0.14), SENTENCE, silence(0.08), SENTENCE, silence(0.08)]
    found = spans(cut(np.concatenate([*parts, *parts])))
    assert found[0][1] == pytest.approx(5.87, abs=0.04)
    assert all(end - start <= 15 for start, end in found)


def test_without_pauses_there_are_windows_until_the_next_one() -> None:
    samples = np.concatenate([say("HELLO WORLD " * 24), silence(1.0), SENTENCE])  # a pause from 46.0 s on
    windows = cut(samples)
    assert [window.is_last for window in windows] == [False, False, False, True, True]
    assert all(len(window.samples) == 15 * RATE for window in windows[:3])
    assert windows[3].start + len(windows[3].samples) == pytest.approx(46.3 * RATE, abs=0.05 * RATE)
    assert all(later.start - earlier.start == 11 * RATE for earlier, later in pairwise(windows[:4]))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 99), piece=st.integers(1000, 40 * RATE))
def test_cuts_do_not_depend_on_the_pieces_nor_fall_into_sound(seed: int, piece: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [
        part
        for _ in range(rng.integers(1, 12))
        for part in (say("A B" * rng.integers(1, 30)), silence(float(rng.choice([0.1, 0.2, 0.4, 1.0, 9.0, 40.0]))))
    ]
    samples = np.concatenate(parts)
    found, expected = cut(samples, piece), cut(samples)
    assert [(w.start, len(w.samples), w.is_last, w.first_row, w.end_row) for w in found] == [
        (w.start, len(w.samples), w.is_last, w.first_row, w.end_row) for w in expected
    ]
    heard = np.zeros(len(samples), bool)
    for window in found:
        np.testing.assert_array_equal(window.samples, samples[window.start : window.start + len(window.samples)])
        heard[window.start : window.start + len(window.samples)] = True
        if window.is_last:  # there is silence where it ends
            end = window.start + len(window.samples)
            assert np.abs(samples[max(0, end - 400) : end + 400]).max() < 0.01 or end == len(samples)
    assert np.abs(samples[~heard]).max(initial=0.0) < 0.01  # nothing that sounds is left out


def test_memory_is_bounded() -> None:
    cutter = StretchCutter(WindowPlan.of(STEP))
    for sounds in (say("HELLO " * 20), silence(14.4), np.zeros(14 * RATE, np.float32)):
        for _ in range(40):
            list(cutter.accept(sounds))
            assert len(cutter._samples) <= 75 * RATE
            assert len(cutter._blocks) <= 140 * 100
