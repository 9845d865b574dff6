"""Pauses: silence found by level alone (a simple VAD), in a whole sound or in one that comes in pieces."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

Interval: TypeAlias = tuple[float, float]

MIN_PAUSE = 0.15  # seconds; a stop consonant is silent for up to 0.1 s
_BLOCK = 0.01  # seconds for which the level is measured
_MAX_CLICK = 0.04  # seconds; a sound as short as this inside a pause is part of it
_ABOVE_FLOOR, _BELOW_PEAK, _MIN_RANGE = 6.0, 40.0, 15.0  # dB, see `find_pauses`


def find_pauses(waveform: Float[np.ndarray, "samples"], *, sample_rate: int) -> list[Interval]:
    """Stretches of silence, in seconds, in order: of any length at both ends, of `MIN_PAUSE` or longer in between.

    Silence is what is less than 6 dB above the noise (the 5th percentile of the level), or 40 dB below the speech (the
    95th). Where these two are less than 15 dB apart, level cannot separate noise from speech, and no pauses are found.
    """
    stream = PauseStream(sample_rate=sample_rate)
    stream.accept(waveform)
    return stream.pauses()


class PauseStream:
    """`find_pauses` for a sound that comes in pieces; it keeps two numbers for each hundredth of a second, 2.9 MB an
    hour.

    What counts as a pause depends on all samples so far; after the last piece the result equals `find_pauses`.
    """

    def __init__(self, *, sample_rate: int) -> None:
        self._rate, self._block = sample_rate, round(sample_rate * _BLOCK)
        self._means: list[npt.NDArray[np.float32]] = []
        self._variances: list[npt.NDArray[np.float32]] = []
        self._rest = np.zeros(0, np.float32)
        self._num_samples, self._sum = 0, 0.0

    def accept(self, samples: Float[np.ndarray, "samples"]) -> None:
        """The next piece, of any length."""
        self._num_samples += len(samples)
        samples = np.concatenate([self._rest, np.asarray(samples, np.float32)])
        whole = len(samples) // self._block * self._block
        blocks, self._rest = samples[:whole].reshape(-1, self._block), samples[whole:]
        means = blocks.mean(axis=1, dtype=np.float64)
        self._sum += float(means.sum()) * self._block
        self._means.append(means.astype(np.float32))
        self._variances.append(blocks.var(axis=1, dtype=np.float64).astype(np.float32))

    def pauses(self) -> list[Interval]:
        """The pauses of what was accepted so far, as if that were the whole sound."""
        levels, duration = self._levels(), self._num_samples / self._rate
        floor, peak = np.percentile(levels, [5, 95]) if len(levels) else (0.0, 0.0)
        if peak - floor < _MIN_RANGE:
            return []
        sounding = levels > max(floor + _ABOVE_FLOOR, peak - _BELOW_PEAK)
        for first, end in _runs(sounding):
            if (end - first) * _BLOCK <= _MAX_CLICK:
                sounding[first:end] = False
        silences = [(a * _BLOCK, b * _BLOCK if b < len(levels) else duration) for a, b in _runs(~sounding)]
        return [(a, b) for a, b in silences if a == 0 or b == duration or b - a >= MIN_PAUSE]

    def _levels(self) -> npt.NDArray[np.float64]:
        """Level in dB of each full block, without the DC offset of the whole sound."""
        empty = np.zeros(0, np.float32)
        means = np.concatenate([empty, *self._means]).astype(np.float64)
        offset = (self._sum + float(self._rest.sum(dtype=np.float64))) / max(1, self._num_samples)
        power = np.concatenate([empty, *self._variances]) + (means - offset) ** 2
        return 10 * np.log10(power + 1e-12)


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches [first, end) in which `mask` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]
