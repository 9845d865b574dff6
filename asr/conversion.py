"""Mono samples at any rate -> another rate, within full scale: of a whole sound, or block by block along a stream.

Dividing by the peak needs the whole sound, so a sound of hours is read twice: once to find its peaks (`Peaks`), then to
convert it. Both ways give the same samples, to the bit, however the stream is cut into blocks.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soxr
from jaxtyping import Float32

Mono: TypeAlias = npt.NDArray[np.floating]  # float32 or float64, (num_samples,)

_QUALITY = "HQ"  # of soxr: transparent for 16 bit


def converted(mono: Mono, sample_rate: int, to_rate: int) -> Float32[np.ndarray, "_"]:
    """A whole sound at `to_rate` Hz, in [-1, 1]: what exceeds that is divided by its peak, so nothing is clipped."""
    mono = PeakScaling(peak_of(mono)).scale(mono)
    if sample_rate != to_rate:
        mono = soxr.resample(mono, sample_rate, to_rate, quality=_QUALITY)
        mono = PeakScaling(peak_of(mono)).scale(mono)  # it may ring
    return np.ascontiguousarray(mono, dtype=np.float32)


def peak_of(mono: Mono) -> float:
    """The largest magnitude; 0 where there are no samples."""
    return float(np.abs(mono).max(initial=0.0))


class PeakScaling:
    """Brings the blocks of a stream within full scale: divides by the peak where that is beyond 1.0.

    With the `peak` of the whole stream, each block is divided by it. Without it, as for a pipe that has not ended, each
    sample is divided by the largest magnitude up to and including itself, if that is above 1.0. So nothing exceeds full
    scale, samples before the first one beyond it are unchanged, and a stream within full scale is the same by both
    rules. Neither depends on how the stream is cut into blocks.
    """

    def __init__(self, peak: float = 1.0) -> None:
        self._peak = max(1.0, peak)

    def scale(self, block: Mono) -> Mono:
        """The next block, within full scale."""
        if peak_of(block) > self._peak:
            peaks = np.maximum.accumulate(np.maximum(np.abs(block), self._peak))
            self._peak = float(peaks[-1])
            return np.asarray(block / peaks)
        return block if self._peak == 1.0 else block / self._peak


@dataclass(frozen=True, slots=True)
class Peaks:
    """The largest magnitudes of a stream: at its own rate, and, scaled by that and resampled, at the rate it gets."""

    before: float = 1.0
    after: float = 1.0


class StreamConverter:
    """`converted` along a stream, in constant memory. `peaks`: of the whole stream; without them, see `PeakScaling`.

    `peak`: the largest magnitude so far after resampling, before it is scaled.
    """

    def __init__(self, sample_rate: int, to_rate: int, peaks: Peaks | None = None) -> None:
        self.peak = 0.0
        peaks = peaks or Peaks()
        self._rates = sample_rate, to_rate
        self._before, self._after = PeakScaling(peaks.before), PeakScaling(peaks.after)
        self._resampler: soxr.ResampleStream | None = None
        self._dtype: np.dtype[np.floating] = np.dtype(np.float32)  # that of the first block

    def convert(self, block: Mono) -> Float32[np.ndarray, "_"]:
        """Take the next block and return what is ready: resampling looks ahead, so the first samples come late."""
        return self._resampled(self._before.scale(block), is_last=False)

    def finish(self) -> Float32[np.ndarray, "_"]:
        """The last samples, when the stream has ended."""
        return self._resampled(np.zeros(0, self._dtype), is_last=True)

    def _resampled(self, mono: Mono, *, is_last: bool) -> Float32[np.ndarray, "_"]:
        if self._rates[0] == self._rates[1]:
            return np.ascontiguousarray(mono, dtype=np.float32)
        if self._resampler is None:
            self._dtype = mono.dtype
            self._resampler = soxr.ResampleStream(*self._rates, 1, dtype=mono.dtype, quality=_QUALITY)
        resampled = self._resampler.resample_chunk(np.ascontiguousarray(mono), last=is_last)
        self.peak = max(self.peak, peak_of(resampled))
        return np.ascontiguousarray(self._after.scale(resampled), dtype=np.float32)
