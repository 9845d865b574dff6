"""Mono samples at any rate -> another rate, within full scale."""

import numpy as np
import numpy.typing as npt
import soxr
from jaxtyping import Float, Float32

Mono = Float[np.ndarray, "samples"]
QUALITY = "HQ"  # of soxr: transparent for 16 bit


def resampled(mono: Mono, sample_rate: int, to_rate: int) -> Float32[np.ndarray, "_"]:
    """The samples at `to_rate` Hz, in [-1, 1]: what goes beyond is scaled down by its peak, so nothing is clipped."""
    mono = within_full_scale(mono)
    if sample_rate != to_rate:
        mono = within_full_scale(soxr.resample(mono, sample_rate, to_rate, quality=QUALITY))  # it may ring
    return np.ascontiguousarray(mono, dtype=np.float32)


def within_full_scale(mono: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The same, or if it goes beyond 1.0, scaled down by its peak."""
    peak = float(np.abs(mono).max(initial=0.0))
    return mono / peak if peak > 1.0 else mono
