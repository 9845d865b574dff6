"""Volume and clipping, measured: what was asked for is what is heard."""

import numpy as np
import pytest

from asr.corpus.effects.level import change_volume, clip, speech_mask
from tests.support.loudness import BURST, RATE, decibels, power


def test_speech_is_where_the_sound_is(burst: np.ndarray) -> None:
    mask = speech_mask(burst)
    assert np.flatnonzero(mask).tolist() == list(range(BURST.start, BURST.stop))
    assert speech_mask(np.zeros(1000, np.float32)).all()


@pytest.mark.parametrize("wanted", [-20.0, -6.0, 0.0, 6.0])
def test_volume_in_decibels(speechlike: np.ndarray, wanted: float) -> None:
    quiet = 0.5 * speechlike
    assert decibels(power(change_volume(quiet, wanted)) / power(quiet)) == pytest.approx(wanted, abs=1e-3)


def test_volume_stops_at_full_scale_without_clipping(speechlike: np.ndarray) -> None:
    loud = change_volume(speechlike, 40.0)
    assert np.abs(loud).max() == 1.0
    np.testing.assert_allclose(loud, speechlike / np.abs(speechlike).max(), atol=1e-6)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.2])
def test_clipping_cuts_off_the_share_that_was_asked_for(burst: np.ndarray, share: float) -> None:
    voice = burst * np.linspace(0.5, 1, len(burst), dtype=np.float32)  # no two peaks are equal
    clipped = clip(voice, share)
    cut = clipped != voice
    assert cut[BURST].mean() == pytest.approx(share, abs=2 / RATE)
    assert np.abs(voice[cut]).min() >= np.abs(clipped).max()
    assert not cut[: BURST.start].any()
