"""Silence by its definition, whole and in pieces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.silence import SILENT_PEAK, SoundPresence, has_sound

SOUNDS = {
    "nothing": np.zeros(0, np.float32),
    "zeros": np.zeros(100, np.float32),
    "an offset": np.full(100, 0.3, np.float32),
    "one loud sample": np.eye(1, 100, 50, dtype=np.float32)[0] * 0.5,
    "faint noise": (0.9 * SILENT_PEAK * np.random.default_rng(0).uniform(-1, 1, 100)).astype(np.float32),
    "noise": (9 * SILENT_PEAK * np.random.default_rng(0).uniform(-1, 1, 100)).astype(np.float32),
    "noise on an offset": 0.3 + (9 * SILENT_PEAK * np.random.default_rng(0).uniform(-1, 1, 100)).astype(np.float32),
}


def test_nan_is_no_silence() -> None:
    assert has_sound(np.array([0.0, np.nan, 0.0], np.float32))


def by_definition(waveform: np.ndarray) -> bool:
    return len(waveform) > 0 and bool((np.abs(waveform - waveform.mean(dtype=np.float64)) > SILENT_PEAK).any())


@pytest.mark.parametrize("name", SOUNDS)
@given(cuts=st.lists(st.integers(0, 100), max_size=5))
def test_whole_or_in_pieces_as_defined(name: str, cuts: list[int]) -> None:
    waveform, presence = SOUNDS[name], SoundPresence()
    for piece in np.split(waveform, sorted(cuts)):
        presence.accept(piece)
    assert presence.has_sound == has_sound(waveform) == by_definition(waveform)
