"""Which channels of a sound are used, and how: their mean, unless they would cancel each other."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from asr.errors import AudioError

Channels: TypeAlias = int | tuple[int, ...] | None
"""The channels to use, counted from 0: one, the mean of several, or (None) the mean of all."""

OPPOSED = "its channels are in opposite phase and would cancel each other, so the loudest is heard alone"
_LEAST_POWER = 0.5  # of the sum, as a share of that of independent channels
_SAME = 0.9999  # correlation: what one channel does not share with the other is 37 dB below, as after lossy coding
_OPPOSITE = -0.85  # correlation: of a voice in opposite phase under noise 8 dB below it; -1 without noise


def columns(channel: Channels, num_channels: int, path: Path) -> slice | list[int]:
    """The columns of a file's samples for these channels; `path` is for messages.

    Raises:
        AudioError: the file has no such channel.
    """
    if channel is None:
        return slice(None)
    wanted = [channel] if isinstance(channel, int) else list(channel)
    if missing := [number for number in wanted if not 0 <= number < num_channels]:
        there = "the file has one, channel 0" if num_channels == 1 else f"the file has 0 to {num_channels - 1}"
        raise AudioError(f"{path}: has no channel {missing[0]}: {there}")
    return wanted


class ChannelComparison:
    """Do channels cancel each other, or hold the same? Takes the blocks of a sound one after the other, in constant
    memory.

    To cancel, two of them have to be in opposite phase, whatever their levels (sounds that reach two microphones
    differently are less correlated), and the sum has to be weaker than that of independent sounds, as a pair among many
    may cancel. Nothing here depends on gain or offset, and all follows from the covariances of the channels.
    """

    def __init__(self) -> None:
        self._num_samples = 0
        self._pivot: npt.NDArray[np.float64] | None = None  # near the means, so that products lose little precision
        self._sums: npt.NDArray[np.float64] | float = 0.0
        self._products: npt.NDArray[np.float64] | float = 0.0

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """The next block of the sound, of shape (num_samples, num_channels)."""
        if block.shape[1] == 1 or not len(block):
            return
        if self._pivot is None:
            self._pivot = block.mean(axis=0, dtype=np.float64)
        centred = block - self._pivot
        self._num_samples += len(block)
        self._sums = self._sums + centred.sum(axis=0)
        self._products = self._products + centred.T @ centred

    def loudest(self) -> int | None:
        """The loudest channel, if they would cancel each other; None if they can be averaged."""
        if not self._num_samples:
            return None
        covariances = self._covariances()
        powers = covariances.diagonal()
        opposite = covariances < _OPPOSITE * np.sqrt(np.outer(powers, powers))
        return int(powers.argmax()) if opposite.any() and covariances.sum() < _LEAST_POWER * powers.sum() else None

    def first_of_same(self, num_channels: int) -> list[int]:
        """For each channel the first one that holds the same sound, at whatever level and phase; mostly itself."""
        if not self._num_samples:
            return list(range(num_channels))
        covariances = self._covariances()
        spread = np.sqrt(covariances.diagonal())
        same = np.abs(covariances) >= _SAME * np.outer(spread, spread)
        sounding = spread > 0
        same &= np.outer(sounding, sounding) | np.eye(num_channels, dtype=np.bool_)  # silence is like nothing else
        return [int(row.argmax()) for row in same]

    def _covariances(self) -> npt.NDArray[np.float64]:
        """Times the number of samples."""
        return np.asarray(self._products - np.multiply.outer(self._sums, self._sums) / self._num_samples)


def loudest_of_opposed(blocks: Iterable[npt.NDArray[np.float32]]) -> int | None:
    """The loudest channel of a sound, if its channels would cancel each other; None if not."""
    opposed = ChannelComparison()
    for block in blocks:
        opposed.add(block)
    return opposed.loudest()


def mean(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.floating]:
    """The mean of the channels, shape (num_samples,): in float64 if there are several."""
    # The sum of huge floats needs the range of float64.
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float64)
