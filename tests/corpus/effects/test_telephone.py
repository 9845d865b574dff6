"""A telephone, measured: its band, and its steps against G.711."""

import io
from typing import Literal

import numpy as np
import pytest
import soundfile

from asr.corpus.effects.telephone import LAWS, quantise, telephone
from tests.support.loudness import RATE, band_power, decibels, generator, lag, power


@pytest.mark.parametrize("law", LAWS)
def test_a_telephone_lets_through_300_to_3400_hertz(law: Literal["mu", "A"]) -> None:
    noise = (0.1 * generator().standard_normal(4 * RATE)).astype(np.float32)
    heard = telephone(noise, law)
    inside = band_power(heard, 400, 3300)
    assert inside == pytest.approx(band_power(noise, 400, 3300), abs=0.2)
    for low, high in ((0, 150), (3800, 5000), (5000, 8000)):
        assert band_power(heard, low, high) < inside - 30
    assert lag(heard, noise) == 0


@pytest.mark.parametrize(("law", "encoding"), [("mu", "ULAW"), ("A", "ALAW")])
def test_the_steps_are_those_of_g711(law: Literal["mu", "A"], encoding: str) -> None:
    every = np.arange(-32_767, 32_768, dtype=np.int16)
    inside = every[np.abs(every.astype(int)) % 16 != 0]  # at an edge, signs are rounded to different sides
    file = io.BytesIO()
    soundfile.write(file, inside, 8000, format="WAV", subtype=encoding)
    file.seek(0)
    expected, _ = soundfile.read(file, dtype="int16")
    np.testing.assert_array_equal(quantise(inside / 2.0**15, law) * 2.0**15, expected)


@pytest.mark.parametrize("law", LAWS)
def test_loud_and_quiet_sounds_have_nearly_the_same_distance_to_the_quantisation_noise(law: Literal["mu", "A"]) -> None:
    tone = np.sin(2 * np.pi * 0.12345 * np.arange(RATE))
    for level, least in ((-3, 37), (-20, 37), (-30, 34), (-40, 29)):  # ITU-T G.712 asks for 33, 33, 33 and 27
        quiet = 10 ** (level / 20) * tone
        assert least < decibels(power(quiet) / power(quantise(quiet, law) - quiet)) < 41
