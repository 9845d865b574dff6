"""The mean of log-mel frames over speech, for frames that come in pieces; `asr/features.py` has it for a whole sound.

The weight of a frame is linear between whole decibels below a reference, which is known only at the end
(docs/decisions/0009-the-mean-of-speech.md). So one sum of frames per decibel gives the mean for any reference, and
memory does not grow with the sound.
"""

import heapq

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

FULL_DECIBELS, NO_DECIBELS = 15.0, 25.0  # below the loudest 0.3 s: full weight up to the first, none from the second
LOUDEST_SECONDS = 0.3  # longer than a click, shorter than a word
_LOWEST, _HIGHEST = -100, 100  # decibels; log-mel frames of samples in [-1, 1] are between -73 and 70


class SpeechMean:
    """Sums of frames by decibel. Once all pieces were accepted, `mean()` is that of the whole, up to rounding."""

    def __init__(self, num_mels: int, *, num_loudest: int, first_speech_band: int) -> None:
        self._num_loudest, self._first_speech_band = num_loudest, first_speech_band
        self._sums = np.zeros((_HIGHEST - _LOWEST + 2, num_mels))
        self._counts = np.zeros(_HIGHEST - _LOWEST + 2)
        self._loudest: list[float] = []  # a heap: its first is the quietest of the loudest frames

    def accept(self, frames: Float[np.ndarray, "frames mels"]) -> None:
        """The next log-mel frames, before normalisation."""
        frames = np.asarray(frames, np.float64)
        bands = frames[:, self._first_speech_band :]
        levels = np.logaddexp.reduce(bands, axis=1) * (10 / np.log(10))
        below = np.floor(levels)
        rows = np.clip(below, _LOWEST, _HIGHEST).astype(np.int64) - _LOWEST
        upper = levels - below
        for row, share in ((rows, 1 - upper), (rows + 1, upper)):
            np.add.at(self._sums, row, share[:, None] * frames)
            np.add.at(self._counts, row, share)
        for level in levels.tolist():
            if len(self._loudest) < self._num_loudest:
                heapq.heappush(self._loudest, level)
            elif level > self._loudest[0]:
                heapq.heapreplace(self._loudest, level)

    def mean(self) -> npt.NDArray[np.float64]:
        """Of each band (mels,), over the speech in all frames accepted so far, of which there must be at least one."""
        decibels = np.arange(_LOWEST, _HIGHEST + 2)
        weights = np.clip((NO_DECIBELS - (self._loudest[0] - decibels)) / (NO_DECIBELS - FULL_DECIBELS), 0, 1)
        mean: npt.NDArray[np.float64] = (weights @ self._sums) / (weights @ self._counts)
        return mean
