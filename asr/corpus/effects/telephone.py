"""Speech through a telephone: 300 to 3400 Hz, 8 kHz, eight bits a sample by ITU-T G.711."""

from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.level import Samples, within_full_scale

Law: TypeAlias = Literal["mu", "A"]
LAWS: tuple[Law, ...] = ("mu", "A")

_CORNERS, _GAINS = (200.0, 300.0, 3400.0, 3700.0), (0.0, 1.0, 1.0, 0.0)  # Hz; between them along a cosine
_RINGING = SAMPLE_RATE // 20  # samples in which the filter dies away


def telephone(waveform: Samples, law: Law) -> Samples:
    """What comes out of a telephone, at 16 kHz again: `mu` in North America and Japan, `A` elsewhere."""
    size = 1 << (len(waveform) + _RINGING - 1).bit_length()
    narrow = np.fft.irfft(np.fft.rfft(waveform, size) * _band(size), size)[::2]
    wide = np.zeros(size)
    wide[::2] = 2 * quantise(within_full_scale(narrow), law)
    return within_full_scale(np.fft.irfft(np.fft.rfft(wide) * _band(size), size)[: len(waveform)])


def quantise(samples: Float[np.ndarray, "samples"], law: Law) -> Float[np.ndarray, "samples"]:
    """Each sample in [-1, 1] -> the value of its eight-bit code."""
    edges, values = G711[law]
    steps = np.searchsorted(edges, np.abs(samples) * 2.0**15, side="right") - 1
    quantised: Float[np.ndarray, "samples"] = np.copysign(values[steps], samples) / 2.0**15
    return quantised


def _steps(law: Law) -> tuple[Int[np.ndarray, "128"], Int[np.ndarray, "128"]]:
    """Where each step begins, and its value, on the scale of 16 bits: 8 segments of 16 steps, each twice as wide as
    those of the segment before. In A-law, the first two segments are equal; in mu-law, the first value is zero."""
    segment, step = np.divmod(np.arange(128), 16)
    if law == "mu":
        edges = ((16 + step) << (segment + 3)) - 132
        return edges, edges + (4 << segment)
    edges = np.where(segment == 0, step << 4, (16 + step) << (segment + 3))
    return edges, edges + (4 << np.maximum(segment, 1))


def _band(size: int) -> Float[np.ndarray, "frequencies"]:
    """The gain at each frequency of a transform of `size` samples; no delay."""
    ramps = np.interp(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), _CORNERS, _GAINS)
    gains: Float[np.ndarray, "frequencies"] = np.square(np.sin(np.pi / 2 * ramps))
    return gains


G711 = {law: _steps(law) for law in LAWS}
