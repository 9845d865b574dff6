"""Pauses beside and amid the speech: what is added, where, and that nothing of the speech is lost."""

from itertools import product

import numpy as np
import pytest

from asr.corpus.effects.level import mean_power
from asr.corpus.effects.pause import add_pauses, draw_pauses, quietest_sample
from tests.support.loudness import BURST, RATE


def test_pauses_leave_every_sample_of_the_speech_in_its_order(burst: np.ndarray) -> None:
    """What is put in is noise or zeros; without it, the speech is there to the bit, whole or in two parts."""
    where = quietest_sample(burst)
    some = (0.0, 0.02, 1.3)
    for pauses in product(some, some, some):
        before, between, after = (round(seconds * RATE) for seconds in pauses)
        found = add_pauses(burst, pauses, np.random.default_rng(1))
        assert found.dtype == np.float32
        assert len(found) == before + len(burst) + between + after
        assert np.array_equal(found[before : before + where], burst[:where])
        assert np.array_equal(found[before + where + between : len(found) - after], burst[where:])


def test_pauses_are_zeros_or_noise_well_below_the_speech_and_some_have_a_click(burst: np.ndarray) -> None:
    kinds = []
    for seed in range(300):
        peaks = np.abs(add_pauses(burst, (0.3, 0.0, 0.0), np.random.default_rng(seed))[: round(0.3 * RATE)])
        level = np.median(peaks)  # not moved by a click
        kinds.append((level == 0, bool(peaks.max() > max(0.03, 8 * level))))
        # The median of the size of normal noise is 0.67 of its root mean square.
        assert level == 0 or -61 < 10 * np.log10((level / 0.6745) ** 2 / mean_power(burst[BURST])) < -19
        assert peaks.max() <= 1
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
            found = add_pauses(samples, (0.1, 0.02, 0.5), np.random.default_rng(seed))
            assert len(found) == number + 1600 + 320 + 8000
            assert np.isfinite(found).all()
            assert np.count_nonzero(found) >= np.count_nonzero(samples)


def test_a_share_of_the_utterances_has_pauses_at_some_of_three_places_and_short_ones_are_more_frequent() -> None:
    pauses = draw_pauses(20_000, 0.2, 4.0, np.random.default_rng(1))
    given = pauses > 0
    # Binomial: with a share of 0.2, and a half for each place, 0.175 have one; a standard deviation is 0.0027.
    assert abs(given.any(axis=1).mean() - 0.2 * (1 - 0.5**3)) < 0.012
    assert np.allclose(given[given.any(axis=1)].mean(axis=0), 0.5 / (1 - 0.5**3), atol=0.03)
    seconds = pauses[given]
    assert 0.02 <= seconds.min() < 0.021
    assert 3.9 < seconds.max() <= 4
    # Of the square of a uniform number the median is a quarter and the mean a third.
    assert abs(np.median(seconds) - 1) < 0.1
    assert abs(seconds.mean() - 4 / 3) < 0.1
    assert not draw_pauses(100, 0.0, 4.0, np.random.default_rng(1)).any()
