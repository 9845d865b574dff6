"""Pauses of sounds made of known parts, whole and in pieces."""

import numpy as np
import pytest
import torch

from asr.alignment.pauses import MIN_PAUSE, Interval, PauseStream, find_pauses

RATE = 16_000


def sound(*parts: float, noise: float = 0.001, offset: float = 0.0) -> np.ndarray:
    """Tones of the given seconds, or silence where they are negative; noise throughout."""
    generator = torch.Generator().manual_seed(0)
    pieces = []
    for seconds in parts:
        time = torch.arange(round(abs(seconds) * RATE)) / RATE
        pieces.append(0.3 * torch.sin(2 * torch.pi * 500 * time) * (seconds > 0))
    signal = torch.cat(pieces)
    return (signal + noise * torch.randn(len(signal), generator=generator) + offset).numpy()


def rounded(intervals: list[Interval]) -> list[Interval]:
    return [(round(a, 2), round(b, 2)) for a, b in intervals]


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.02])
@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_pauses_are_where_the_silence_is_in_noise_and_with_an_offset(noise: float, offset: float) -> None:
    waveform = sound(-0.3, 0.5, -0.2, 0.4, -0.08, 0.4, -0.05, noise=noise, offset=offset)
    # The silence of 0.08 s is no pause; that of 0.05 s is, at the end.
    assert rounded(find_pauses(waveform, sample_rate=RATE)) == [(0.0, 0.3), (0.8, 1.0), (1.88, 1.93)]


def test_the_shortest_pause_and_a_click_inside_one() -> None:
    assert rounded(find_pauses(sound(0.5, -MIN_PAUSE, 0.5), sample_rate=RATE)) == [(0.5, 0.65)]
    assert find_pauses(sound(0.5, -MIN_PAUSE + 0.01, 0.5), sample_rate=RATE) == []
    assert rounded(find_pauses(sound(0.5, -0.1, 0.03, -0.1, 0.5), sample_rate=RATE)) == [(0.5, 0.73)]


@pytest.mark.parametrize("waveform", [np.zeros(0), np.zeros(5), np.zeros(9000), sound(1.0), sound(-1.0)])
def test_a_sound_of_one_level_has_no_pauses(waveform: np.ndarray) -> None:
    assert find_pauses(waveform, sample_rate=RATE) == []


@pytest.mark.parametrize("piece", [1, 7, 160, 999, 100_000])
def test_a_sound_in_pieces_has_the_pauses_of_the_whole(piece: int) -> None:
    waveform = sound(-0.3, 0.5, -0.2, 0.4, -0.05, offset=0.4)[:-37]
    stream = PauseStream(sample_rate=RATE)
    for start in range(0, len(waveform), piece):
        stream.accept(waveform[start : start + piece])
    assert stream.pauses() == find_pauses(waveform, sample_rate=RATE) != []
