"""Measurements on the samples of one sound.

All are relative to the sound itself (its loudest frame, its peak), so that none depends on the gain of a recording.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_FRAME = 0.032  # seconds, to the nearest power of two in samples
_ACTIVE = 30.0  # dB below the loudest: anything quieter counts as silence
_TINY = 1e-12  # of full scale, squared: 20 dB below the rounding of 16 bits
_UPPER = (6000.0, 7500.0)  # Hz
_FLAT = 0.98  # of the peak of its sign
_LOUD = 20.0  # dB below the loudest
_LEAST_DROPOUT = 0.005  # seconds
_EDGE = 8  # samples
_DISTANT = 2  # frames away, so that the gap itself does not affect their levels


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """Power of the frames of a sound, (num_frames, num_bins); `hertz` of the bins, `seconds` of a frame."""

    power: Floats
    hertz: Floats
    seconds: float

    def band(self, low: float, high: float) -> Floats:
        """Power in a band of each frame."""
        first, last = np.searchsorted(self.hertz, (low, high))
        return np.asarray(self.power[:, first:last].sum(axis=1))

    def levels(self) -> Floats:
        """Level of each frame in dB, smoothed over three so that a click is not the loudest."""
        power = np.pad(self.power[:, 1:].sum(axis=1), 1, mode="edge")
        return np.asarray(10 * np.log10((power[:-2] + power[1:-1] + power[2:]) / 3 + _TINY))


def spectra(mono: Samples, sample_rate: int) -> Spectra:
    """Power spectra of a sound of shape (num_samples,), in frames that do not overlap; the last one may be left out."""
    size = 1 << round(np.log2(_FRAME * sample_rate))
    if len(mono) < size:
        mono = np.pad(mono, (0, size - len(mono)))
    frames = mono[: len(mono) // size * size].reshape(-1, size) * np.hanning(size).astype(np.float32)
    transformed = np.fft.rfft(frames, axis=1)
    # Scaled so that the power of a sine of amplitude a is a * a / 2 in all bins together.
    power = (transformed.real**2 + transformed.imag**2).astype(np.float64) / (0.1875 * size**2)
    return Spectra(power, np.arange(power.shape[1]) * sample_rate / size, size / sample_rate)


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds before the first and after the last frame within 30 dB of the loudest, and of all such frames."""

    before: float
    after: float
    active: float


def silence(levels: Floats, seconds: float) -> Silence:
    """Where a sound is silent; `levels` of frames of `seconds` each."""
    active = np.flatnonzero(levels > levels.max() - _ACTIVE)
    return Silence(float(active[0] * seconds), float((len(levels) - 1 - active[-1]) * seconds), len(active) * seconds)


def level_range(levels: Floats) -> float:
    """dB between the quiet tenth and the loudest fiftieth of the frames: speech has syllables and pauses, noise and hum
    do not."""
    low, high = np.percentile(levels, (10, 98))
    return float(high - low)


def upper_band(spectra: Spectra) -> tuple[float, float]:
    """The power from 6 to 7.5 kHz in dB, below all power, and below full scale."""
    upper, whole = (float(spectra.band(*band).mean()) for band in (_UPPER, (0.0, np.inf)))
    return 10 * float(np.log10((upper + _TINY**2) / (whole + _TINY**2))), 10 * float(np.log10(upper + _TINY**2))


def interpolation(mono: Samples) -> float:
    """How much better, in dB, every second sample can be predicted from its neighbours than the others can.

    0 for sounds recorded at their rate; 15 and more where the rate was doubled by linear interpolation or by repeating
    samples, which leaves mirror images in the upper band.
    """
    even, odd = mono[0 : len(mono) // 2 * 2 : 2].astype(np.float64), mono[1::2].astype(np.float64)
    if len(odd) < 3:
        return 0.0
    lines = np.mean((odd[:-1] - (even[:-1] + even[1:]) / 2) ** 2), np.mean((even[1:] - (odd[:-1] + odd[1:]) / 2) ** 2)
    steps = np.mean((odd - even) ** 2), np.mean((even[1:] - odd[:-1]) ** 2)
    return max(10 * float(np.log10((max(pair) + _TINY) / (min(pair) + _TINY))) for pair in (lines, steps))


def flat_tops(channel: Samples) -> float:
    """The share of the samples in runs of three or more equal ones at the peak of their sign.

    Clipping leaves such runs, at any level and also on one side alone; a lossy codec removes them.
    """
    if not channel.any():  # a dead channel has no peaks
        return 0.0
    at_peak = (channel >= _FLAT * channel.max()) | (channel <= _FLAT * channel.min())
    same = channel[1:] == channel[:-1]
    return float(np.count_nonzero(same[1:] & same[:-1] & at_peak[1:-1]) / len(channel))


def dropouts(mono: Samples, sample_rate: int, levels: Floats, seconds: float) -> tuple[int, float]:
    """How many stretches of equal samples interrupt loud sound, and the seconds of the longest: packets that a network
    or a recorder has lost.

    They begin and end abruptly, unlike pauses after noise suppression, where sound fades.
    """
    steady = np.concatenate([[False], mono[1:] == mono[:-1], [False]])
    edges = np.flatnonzero(steady[1:] != steady[:-1])
    gaps = edges.reshape(-1, 2)[np.diff(edges.reshape(-1, 2))[:, 0] > _LEAST_DROPOUT * sample_rate]
    loud, audible = (float(10 ** ((levels.max() - below) / 20)) for below in (_LOUD, _ACTIVE))
    is_loud = levels > levels.max() - _LOUD
    lost = [
        (end - start) / sample_rate
        for start, end in gaps.tolist()
        if (before := int(start / sample_rate / seconds) - _DISTANT) >= 0
        and (after := int(end / sample_rate / seconds) + _DISTANT) < len(levels)
        and is_loud[before]
        and is_loud[after]
        and max(np.abs(mono[start - _EDGE : start]).max(), np.abs(mono[end + 1 : end + 1 + _EDGE]).max()) > loud
        and min(np.abs(mono[start - _EDGE : start]).max(), np.abs(mono[end + 1 : end + 1 + _EDGE]).max()) > audible
    ]
    return len(lost), max(lost, default=0.0)
