"""How loud speech is, and changes of that: volume and clipping."""

from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Float32

Samples: TypeAlias = Float32[np.ndarray, "samples"]
Voice: TypeAlias = Float32[np.ndarray, "_"]  # of any length, unlike that of the other arguments

FRAME = 320  # samples: 20 ms
_MARGIN = 10**-1.59  # 15.9 dB


def frame_powers(waveform: Samples) -> Float[np.ndarray, "frames"]:
    """The mean square of each 20 ms; the last of them may be shorter."""
    starts = np.arange(0, len(waveform), FRAME)
    return np.add.reduceat(np.square(waveform, dtype=np.float64), starts) / np.diff([*starts, len(waveform)])


def speech_mask(waveform: Samples) -> Bool[np.ndarray, "samples"]:
    """Where somebody speaks: frames of 20 ms that are at most 15.9 dB below the mean of all such frames.

    This is the active speech level of ITU-T P.56 without its hangover, which counts pauses within words as speech.
    In a waveform without any sound, everything is speech.
    """
    powers = frame_powers(waveform)
    active = np.full(len(powers), True)
    while not np.array_equal(active, louder := powers >= _MARGIN * powers[active].mean()):
        active = louder
    return np.repeat(active, FRAME)[: len(waveform)]


def mean_power(samples: Float[np.ndarray, "samples"]) -> float:
    """Mean square, 1.0 for a square wave of full scale."""
    return float(np.mean(np.square(samples, dtype=np.float64)))


def within_full_scale(samples: Float[np.ndarray, "samples"]) -> Samples:
    """The same, or if it goes beyond 1.0, scaled down by its peak."""
    return (samples / max(1.0, float(np.abs(samples).max()))).astype(np.float32)


def change_volume(waveform: Samples, decibels: float) -> Samples:
    """Louder by `decibels`, or less if that would exceed full scale, so that nothing is clipped."""
    return within_full_scale(waveform * 10 ** (decibels / 20))


def clip(waveform: Samples, share: float) -> Samples:
    """Cut off the peaks, as in a recording with too much gain: `share` of the samples during speech."""
    ceiling = np.quantile(np.abs(waveform[speech_mask(waveform)]), 1 - share)
    return waveform.clip(-ceiling, ceiling) if ceiling else waveform
