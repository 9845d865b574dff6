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


class SpeechMean:
    """Sums of frames by decibel. Once all pieces were accepted, `mean()` is that of the whole, up to rounding."""

    def __init__(self, num_mels: int, *, num_loudest: int, first_speech_band: int) -> None:
        self._num_loudest, self._first_speech_band = num_loudest, first_speech_band
        self._lowest = 0  # decibels of the first row
        self._sums = np.zeros((0, num_mels + 1))  # a row for each decibel; the last column counts the frames
        self._loudest: list[float] = []  # a heap: its first is the quietest of the loudest frames

    @property
    def loudness(self) -> float:
        """Decibels of the quietest of the loudest frames, by which speech is told from the rest."""
        return self._loudest[0]

    @property
    def is_full(self) -> bool:
        """Whether there were as many frames as the loudest that are compared with."""
        return len(self._loudest) == self._num_loudest

    @property
    def num_frames(self) -> float:
        """On how many frames the mean rests: each counts by its weight."""
        return float(self._weights() @ self._sums[:, -1]) if self._loudest else 0.0

    def accept(self, frames: Float[np.ndarray, "frames mels"]) -> None:
        """The next log-mel frames, before normalisation."""
        frames = np.asarray(frames, np.float64)
        levels = np.logaddexp.reduce(frames[:, self._first_speech_band :], axis=1) * (10 / np.log(10))
        for level in levels.tolist():
            if len(self._loudest) < self._num_loudest:
                heapq.heappush(self._loudest, level)
            elif level > self._loudest[0]:
                heapq.heapreplace(self._loudest, level)
        below = np.floor(levels).astype(np.int64)
        if self.is_full:  # from now on, the reference only rises
            quietest = int(np.floor(self.loudness - NO_DECIBELS))
            self._drop_below(quietest)
            frames, levels, below = (each[below >= quietest] for each in (frames, levels, below))
        if not len(below):
            return
        self._make_room(int(below.min()), int(below.max()) + 1)
        rows, upper = below - self._lowest, levels - below
        counted = np.concatenate([frames, np.ones((len(frames), 1))], axis=1)
        np.add.at(self._sums, rows, (1 - upper)[:, None] * counted)
        np.add.at(self._sums, rows + 1, upper[:, None] * counted)

    def mean(self) -> npt.NDArray[np.float64]:
        """Of each band (mels,), over the speech in all frames accepted so far, of which there must be at least one."""
        sums = self._weights() @ self._sums
        mean: npt.NDArray[np.float64] = sums[:-1] / sums[-1]
        return mean

    def _weights(self) -> npt.NDArray[np.float64]:
        decibels = self._lowest + np.arange(len(self._sums))
        return np.clip((NO_DECIBELS - (self.loudness - decibels)) / (NO_DECIBELS - FULL_DECIBELS), 0, 1)

    def _drop_below(self, decibels: int) -> None:
        """Forget rows that are too quiet to count ever again."""
        if (num_rows := min(decibels - self._lowest, len(self._sums))) > 0:
            self._sums = self._sums[num_rows:].copy()
            self._lowest += num_rows

    def _make_room(self, lowest: int, highest: int) -> None:
        """Have a row for each decibel from `lowest` to `highest`."""
        if not len(self._sums):
            self._lowest = lowest
        before, after = max(0, self._lowest - lowest), max(0, highest + 1 - self._lowest - len(self._sums))
        if before or after:
            self._sums = np.pad(self._sums, ((before, after), (0, 0)))
            self._lowest -= before
