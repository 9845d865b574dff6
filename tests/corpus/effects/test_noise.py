"""Noise and babble, measured: their spectra, and how far speech is above them."""

from itertools import pairwise

import numpy as np
import pytest

from asr.corpus.effects.level import speech_mask
from asr.corpus.effects.noise import add_noise, babble, coloured_noise, speech_shaped_noise
from tests.support.loudness import BURST, RATE, band_power, decibels, generator, power


@pytest.mark.parametrize("snr", [-5.0, 5.0, 25.0])
@pytest.mark.parametrize("kind", ["white", "brown", "crowd"])
def test_speech_is_as_far_above_the_noise_as_was_asked_for(burst: np.ndarray, kind: str, snr: float) -> None:
    rng = generator()
    noise = {
        "white": lambda: coloured_noise(len(burst), 0.0, rng),
        "brown": lambda: coloured_noise(len(burst), 6.0, rng),
        "crowd": lambda: babble([], len(burst), rng),
    }[kind]()
    added = add_noise(burst, 7 * noise, snr).astype(np.float64) - burst
    assert decibels(power(burst[BURST]) / power(added[BURST])) == pytest.approx(snr, abs=0.5)
    assert np.corrcoef(added, noise)[0, 1] > 0.999


def test_noise_that_goes_beyond_full_scale_keeps_its_distance_to_the_speech(speechlike: np.ndarray) -> None:
    noise = coloured_noise(len(speechlike), 0.0, generator())
    mixed = add_noise(2 * speechlike, noise, 0.0)
    assert np.abs(mixed).max() == 1.0
    (speech_gain, noise_gain), *_ = np.linalg.lstsq(np.stack([speechlike, noise], axis=1), mixed, rcond=None)
    speaking = speech_mask(speechlike)
    ratio = power(speech_gain * speechlike[speaking]) / power(noise_gain * noise[speaking])
    assert decibels(ratio) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("drop", [0.0, 3.0, 6.0, 12.0])
def test_coloured_noise_falls_from_octave_to_octave(drop: float) -> None:
    noise = coloured_noise(8 * RATE, drop, generator())
    octaves = np.arange(7, 13)  # 128 Hz to 4096 Hz
    levels = [band_power(noise, 2.0**octave / 1.2, 2.0**octave * 1.2) for octave in octaves]
    assert np.polyfit(octaves, levels, 1)[0] == pytest.approx(-drop, abs=0.5)


def test_speech_shaped_noise_has_the_average_spectrum_of_speech() -> None:
    """Against third octaves between those that it is made from (Byrne et al. 1994, table 2)."""
    published = {160: 56.8, 200: 60.2, 315: 59.0, 400: 62.1, 630: 60.5, 800: 56.8, 1600: 52.0, 3150: 46.8, 6300: 44.3}
    noise = speech_shaped_noise(20 * RATE, generator())
    third = 2 ** (1 / 6)
    found = [band_power(noise, f / third, f * third) + decibels(f) for f in published]
    difference = np.array(found) - np.array(list(published.values()))
    assert np.abs(difference - difference.mean()).max() < 3.5
    assert np.std(difference) < 2


def test_babble_has_the_spectrum_of_its_voices_and_none_is_louder(speechlike: np.ndarray) -> None:
    time = np.arange(RATE, dtype=np.float32) / RATE
    low, high = (np.sin(2 * np.pi * f * time).astype(np.float32) for f in (500, 3000))
    crowd = babble([0.5 * low, 0.01 * high, np.zeros(5, np.float32)], 3 * RATE, generator())
    assert band_power(crowd, 490, 510) == pytest.approx(band_power(crowd, 2990, 3010), abs=0.1)
    assert power(crowd) == pytest.approx(2, rel=0.01)

    voices = [np.roll(speechlike, 3000 * n) for n in range(5)]
    crowd = babble(voices, 2 * RATE, generator())
    edges = 100 * 2 ** np.arange(0, 6.5, 0.5)
    spectra = np.array([[band_power(s, low, high) for low, high in pairwise(edges)] for s in (crowd, speechlike)])
    assert np.corrcoef(*spectra)[0, 1] > 0.95
    loudness = [power(part) for part in (speechlike.reshape(-1, 800), crowd.reshape(-1, 800)) for part in part]
    pauses = np.array(loudness).reshape(2, -1)
    assert pauses[1].min() / pauses[1].mean() > 10 * pauses[0].min() / pauses[0].mean()  # somebody always speaks
