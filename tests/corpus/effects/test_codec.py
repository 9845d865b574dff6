"""Lossy codecs: the sound changes, its length and place do not."""

from typing import Literal

import numpy as np
import pytest

from asr.corpus.effects.codec import CODECS, COMPRESSIONS, transcode
from asr.corpus.effects.level import change_volume
from asr.corpus.effects.noise import add_noise, speech_shaped_noise
from tests.support.loudness import decibels, generator, lag, power


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("end", [0, 1])
def test_a_codec_changes_the_sound_but_not_its_length_or_place(
    speechlike: np.ndarray, codec: Literal["vorbis", "opus", "mp3"], end: int
) -> None:
    for length in (len(speechlike), 9001):
        # Among noise there is only one place where it fits best.
        voice = change_volume(add_noise(speechlike, speech_shaped_noise(len(speechlike), generator()), 20.0), -6.0)[
            :length
        ]
        coded = transcode(voice, codec, COMPRESSIONS[codec][end])
        assert len(coded) == length
        assert abs(lag(coded, voice)) <= 1
        loss = decibels(power(voice) / power(coded - voice))
        assert 3 < loss < 30


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_says_nothing_and_takes_the_shortest_sound(
    codec: Literal["vorbis", "opus", "mp3"], capfd: pytest.CaptureFixture[str]
) -> None:
    for length in (1, 2, 100):
        assert len(transcode(np.full(length, 0.1, np.float32), codec, COMPRESSIONS[codec][1])) == length
    assert capfd.readouterr() == ("", "")
