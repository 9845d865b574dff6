"""Effects on the waveform, each by its own measurement: what was asked for is what is heard."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.corpus.effects.codec import CODECS, COMPRESSIONS, transcode
from asr.corpus.effects.level import change_volume, clip
from asr.corpus.effects.noise import add_noise, babble, coloured_noise, speech_shaped_noise
from asr.corpus.effects.room import reverberate
from asr.corpus.effects.telephone import telephone
from tests.support.loudness import generator


def coded(codec: Literal["vorbis", "opus", "mp3"], x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return transcode(x, codec, COMPRESSIONS[codec][0])


EFFECTS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "volume": lambda x, rng: change_volume(x, rng.uniform(-6, 6)),
    "clip": lambda x, rng: clip(x, rng.uniform(0.001, 0.02)),
    "noise": lambda x, rng: add_noise(x, coloured_noise(len(x), 6.0, rng), 10.0),
    "babble": lambda x, rng: add_noise(x, babble([x[::-1], x], len(x), rng), 10.0),
    "crowd": lambda x, rng: add_noise(x, speech_shaped_noise(len(x), rng), 10.0),
    "room": lambda x, rng: reverberate(x, 0.3, rng),
    "telephone mu": lambda x, rng: telephone(x, "mu"),
    "telephone A": lambda x, rng: telephone(x, "A"),
    **{codec: partial(coded, codec) for codec in CODECS},
}
RANDOM = ("volume", "noise", "babble", "crowd", "room")


@pytest.mark.parametrize("name", EFFECTS)
@given(length=st.integers(1, 2000), scale=st.sampled_from([0.0, 1e-5, 0.1, 1.0]), seed=st.integers(0, 100))
def test_any_sound_stays_a_sound_of_its_length(name: str, length: int, scale: float, seed: int) -> None:
    waveform = (scale * generator(seed).choice([-1.0, 1.0, 0.3], length)).astype(np.float32)
    before = waveform.copy()
    changed = EFFECTS[name](waveform, generator(seed))
    assert changed.dtype == np.float32
    assert changed.shape == waveform.shape
    assert np.abs(changed).max() <= 1.0
    np.testing.assert_array_equal(waveform, before)


@pytest.mark.parametrize("name", EFFECTS)
def test_one_seed_gives_one_sound(speechlike: np.ndarray, name: str) -> None:
    first, again, other = (EFFECTS[name](speechlike, generator(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, speechlike)
    assert np.array_equal(first, other) == (name not in RANDOM and name != "clip")
