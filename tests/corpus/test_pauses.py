"""Pauses beside and amid the speech: what is added, where, and that nothing of the speech is lost."""

import numpy as np
import pytest

from asr.corpus.effects.level import mean_power
from asr.corpus.effects.pause import add_pauses, quietest_sample
from tests.support.loudness import BURST, RATE


def test_pauses_leave_every_sample_of_the_speech_in_its_order(burst: np.ndarray) -> None:
    """What is put in is noise or zeros; without it, the speech is there to the bit, whole or in two parts."""
    where = quietest_sample(burst)
    places = set()
    for seed in range(60):
        found = add_pauses(burst, 2.0, np.random.default_rng(seed))
        assert found.dtype == np.float32
        assert len(found) <= len(burst) + 3 * 2 * RATE
        starts = [start for start in range(len(found) - len(burst) + 1) if found[start] == burst[0]]
        first = next(start for start in starts if np.array_equal(found[start : start + where], burst[:where]))
        rest = burst[where:]
        later = range(first + where, len(found))
        second = next(start for start in later if np.array_equal(found[start : start + len(rest)], rest))
        places.add((first > 0, second > first + where, len(found) > second + len(rest)))
    assert len(places) == 8  # each of the three with and without


def test_pauses_are_zeros_or_noise_well_below_the_speech_and_some_have_a_click(burst: np.ndarray) -> None:
    kinds = []
    for seed in range(300):
        found = add_pauses(burst, 1.0, np.random.default_rng(seed))
        start = next(start for start in range(len(found)) if np.array_equal(found[start : start + 99], burst[:99]))
        if start:
            peaks = np.abs(found[:start])
            level = np.median(peaks)  # not moved by a click
            kinds.append((level == 0, bool(peaks.max() > max(0.03, 8 * level))))
            # The median of the size of normal noise is 0.67 of its root mean square.
            assert (
                start < 2000
                or level == 0
                or -61 < 10 * np.log10((level / 0.6745) ** 2 / mean_power(burst[BURST])) < -19
            )
            assert peaks.max() <= 1
    assert len(kinds) > 100
    digital, clicks = np.mean(kinds, axis=0)
    assert 0.2 < digital < 0.4
    assert 0.1 < clicks < 0.3


@pytest.mark.parametrize("number", [1, 2, 319, 320, 321, 2000])
def test_pauses_beside_the_shortest_sounds_and_beside_silence(number: int) -> None:
    for seed in range(8):
        for samples in (
            np.zeros(number, np.float32),
            np.random.default_rng(seed).standard_normal(number).astype(np.float32) / 9,
        ):
            found = add_pauses(samples, 0.5, np.random.default_rng(seed))
            assert len(found) >= number
            assert np.isfinite(found).all()
            assert np.count_nonzero(found) >= np.count_nonzero(samples)
