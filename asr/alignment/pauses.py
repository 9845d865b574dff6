"""Pauses: silence found by level alone (a simple VAD), in a whole sound or in one that comes in pieces."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

Interval: TypeAlias = tuple[float, float]
Blocks: TypeAlias = npt.NDArray[
    np.float32
]  # (blocks, 2): mean and variance of the samples of each hundredth of a second

MIN_PAUSE = 0.15  # seconds; a stop consonant is silent for up to 0.1 s
BLOCK = 0.01  # seconds for which the level is measured
_LOUDEST = 0.1  # seconds; longer than a click, shorter than any word
_MAX_CLICK = 0.04  # seconds; a sound as short as this inside a pause is part of it
_ABOVE_FLOOR, _BELOW_PEAK, _MIN_RANGE = 6.0, 40.0, 15.0  # dB, see `find_pauses`


def find_pauses(waveform: Float[np.ndarray, "samples"], *, sample_rate: int) -> list[Interval]:
    """Stretches of silence, in seconds, in order: of any length at both ends, of `MIN_PAUSE` or longer in between.

    Silence is what is less than 6 dB above the noise (the 5th percentile of the level), or 40 dB below the speech (what
    the loudest 0.1 s reach). Where these two are less than 15 dB apart, level cannot separate noise from speech, and no
    pauses are found.
    """
    stream = PauseStream(sample_rate=sample_rate)
    stream.accept(waveform)
    return stream.pauses()


class PauseStream:
    """`find_pauses` for a sound that comes in pieces; it keeps two numbers for each hundredth of a second, 2.9 MB an
    hour, or those of the last `memory` seconds (up to twice that) alone.

    What counts as a pause depends on all samples that it remembers; after the last piece, if that is all of them, the
    result equals `find_pauses`.
    """

    def __init__(self, *, sample_rate: int, memory: float | None = None) -> None:
        self._rate, self._block = sample_rate, round(sample_rate * BLOCK)
        self._most = None if memory is None else round(memory / BLOCK)  # blocks
        self._first, self._num_blocks = 0, 0  # of the blocks that are kept, and their number
        self._blocks: list[Blocks] = []
        self._rest = np.zeros(0, np.float32)
        self._num_samples, self._sum = 0, 0.0

    def accept(self, samples: Float[np.ndarray, "samples"]) -> None:
        """The next piece, of any length."""
        self._num_samples += len(samples)
        samples = np.concatenate([self._rest, np.asarray(samples, np.float32)])
        whole = len(samples) // self._block * self._block
        blocks, self._rest = blocks_of(samples[:whole], self._block), samples[whole:]
        self._sum += float(blocks[:, 0].sum(dtype=np.float64)) * self._block
        self._blocks.append(blocks)
        self._num_blocks += len(blocks)
        if self._most is not None and self._num_blocks > 2 * self._most:
            self._first += self._num_blocks - self._most
            self._blocks = [np.concatenate(self._blocks)[-self._most :].copy()]
            self._num_blocks = self._most

    def pauses(self) -> list[Interval]:
        """The pauses of what was accepted so far, as if that were the whole sound."""
        duration = self._num_samples / self._rate
        offset = (self._sum + float(self._rest.sum(dtype=np.float64))) / max(1, self._num_samples)
        levels = levels_of(np.concatenate([np.zeros((0, 2), np.float32), *self._blocks]), offset)
        start, end = self._first, self._first + len(levels)
        runs = [(start + a, start + b) for a, b in silent_runs(levels, *noise_and_speech(levels))]
        silences = [(a * BLOCK, b * BLOCK if b < end else duration) for a, b in runs]
        return [(a, b) for a, b in silences if a == 0 or b == duration or b - a >= MIN_PAUSE]


def blocks_of(samples: Float[np.ndarray, "samples"], block: int) -> Blocks:
    """Mean and variance of each `block` samples, of which there are a whole number."""
    rows = samples.reshape(-1, block)
    statistics = [rows.mean(axis=1, dtype=np.float64), rows.var(axis=1, dtype=np.float64)]
    return np.stack(statistics, axis=1).astype(np.float32)


def levels_of(blocks: Blocks, offset: float) -> npt.NDArray[np.float64]:
    """The level of each block in dB, without the DC offset of the sound."""
    means, variances = blocks.astype(np.float64).T
    return np.asarray(10 * np.log10(variances + (means - offset) ** 2 + 1e-12))


def noise_and_speech(levels: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The levels in dB that stand for the noise and for the speech of a sound: the 5th percentile, and what the loudest
    `_LOUDEST` seconds reach. Not a percentile: speech may be a hundredth of the sound.
    """
    if not len(levels):
        return 0.0, 0.0
    number = min(round(_LOUDEST / BLOCK), len(levels))
    return float(np.percentile(levels, 5)), float(np.partition(levels, -number)[-number])


def silent_runs(levels: npt.NDArray[np.float64], floor: float, peak: float) -> list[tuple[int, int]]:
    """Runs [first, end) of blocks of silence, as `find_pauses` defines it, of any length."""
    if peak - floor < _MIN_RANGE:
        return []
    sounding = levels > max(floor + _ABOVE_FLOOR, peak - _BELOW_PEAK)
    for first, end in _runs(sounding):
        if (end - first) * BLOCK <= _MAX_CLICK:
            sounding[first:end] = False
    return _runs(~sounding)


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches [first, end) in which `mask` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]
