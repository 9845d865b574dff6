"""Reverberation, measured: echoes, and the time in which sound falls by 60 dB."""

import numpy as np
import pytest

from asr.corpus.effects.room import early_echoes, reverberate, room_response
from tests.support.loudness import RATE, decibels, generator, power


def schroeder_rt60(response: np.ndarray) -> float:
    """Seconds for 60 dB, from the fall of the energy that is still to come, between -5 and -35 dB (ISO 3382, T30)."""
    rest = np.cumsum(response[::-1] ** 2)[::-1]
    level = 10 * np.log10(rest / rest[0])
    fit = (level <= -5) & (level >= -35)
    return -60 / np.polyfit(np.flatnonzero(fit) / RATE, level[fit], 1)[0]


@pytest.mark.parametrize("rt60", [0.1, 0.2, 0.4, 0.8, 2.0])
def test_sound_falls_by_60_decibels_in_the_time_that_was_asked_for(rt60: float) -> None:
    times = [schroeder_rt60(room_response(rt60, generator(seed))) for seed in range(40)]
    assert min(times) > 0.8 * rt60
    assert max(times) < 1.2 * rt60
    assert np.median(times) == pytest.approx(rt60, rel=0.06)


def test_first_echoes_are_those_of_the_six_walls() -> None:
    size, source, microphone = np.array([6.0, 4.0, 3.0]), np.array([1.5, 1.4, 1.2]), np.array([4.2, 2.3, 1.7])
    response = early_echoes(size, source, microphone, rt60=0.4)
    direct = np.linalg.norm(source - microphone)
    assert response[0] == 1
    volume, surface = 72.0, 2 * (24 + 18 + 12)
    kept = np.sqrt(np.exp(-0.1611 * volume / (surface * 0.4)))  # Eyring: T = 0.161 V / (-S ln(1 - absorption))
    expected = np.zeros_like(response)
    for axis in range(3):
        for wall in (0.0, size[axis]):
            image = source.copy()
            image[axis] = 2 * wall - source[axis]
            path = np.linalg.norm(image - microphone)
            expected[round((path - direct) / 343 * RATE)] -= kept * direct / path
    walls = np.flatnonzero(expected)
    assert len(walls) == 6
    np.testing.assert_allclose(response[walls], expected[walls], rtol=2e-3)
    assert np.flatnonzero(response)[1:4].tolist() == walls[:3].tolist()  # then the first echo by two walls comes


def test_reverberation_moves_no_word_and_keeps_the_level(speechlike: np.ndarray) -> None:
    clicks = np.zeros(2 * RATE, np.float32)
    clicks[[4000, 20_000]] = 0.5
    for seed in range(10):
        echoing = reverberate(clicks, 0.4, generator(seed))
        assert not echoing[:4000].round(6).any()
        assert echoing[4000] == np.abs(echoing[:20_000]).max()
        wet = reverberate(0.3 * speechlike, 0.4, generator(seed))
        assert decibels(power(wet) / power(0.3 * speechlike)) == pytest.approx(0, abs=0.01)
