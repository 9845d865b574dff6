"""Whether a sound is silent altogether, for a whole sound or one that comes in pieces."""

import math

import numpy as np
from jaxtyping import Float

SILENT_PEAK = 1e-4  # of full scale, -80 dB: three steps of a 16-bit file; anything quieter is silence


def has_sound(waveform: Float[np.ndarray, "samples"]) -> bool:
    """Whether any sample is further than `SILENT_PEAK` from the mean (a recorder may add a DC offset)."""
    presence = SoundPresence()
    presence.accept(waveform)
    return presence.has_sound


class SoundPresence:
    """`has_sound` for a stream; after the last piece it equals that of the whole."""

    def __init__(self) -> None:
        self._lowest, self._highest = math.inf, -math.inf
        self._sum, self._num_samples = 0.0, 0

    def accept(self, samples: Float[np.ndarray, "samples"]) -> None:
        """The next piece, of any length."""
        self._lowest = float(samples.min(initial=self._lowest))
        self._highest = float(samples.max(initial=self._highest))
        self._sum += float(samples.sum(dtype=np.float64))
        self._num_samples += len(samples)

    @property
    def has_sound(self) -> bool:
        """Whether the pieces accepted so far have any sound. NaN does not count as silence: later stages refuse it."""
        mean = self._sum / max(1, self._num_samples)
        return not (self._highest - mean <= SILENT_PEAK and mean - self._lowest <= SILENT_PEAK)
