"""What is searched and aligned at once: a stretch, or, where there is no pause for minutes, a part of one.

Such a part ends between two words of the greedy path, in the longest run of blanks, so that memory stays bounded. The
network has heard both sides; only the language model begins anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float, Float32

from asr.audio import SAMPLE_RATE
from asr.ctc import BLANK_ID
from asr.longform.windows import Window

_MOST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Passage:
    """Log-probabilities and the sound that they stand for, from sample number `start` of the recording on."""

    start: int
    samples: Float32[np.ndarray, "samples"]
    log_probs: Float32[np.ndarray, "rows vocab"]


class PassageBuilder:
    """Joins the windows of a recording, in order, to passages.

    `separates`: whether a token stands between two words or begins one. What lies before sample number `start`, which
    ends a passage, is left out.
    """

    def __init__(self, separates: Bool[np.ndarray, "vocab"], start: int = 0) -> None:
        self._separates = separates
        self._start = start
        self._samples: list[Float32[np.ndarray, "_"]] = []
        self._log_probs: list[Float32[np.ndarray, "_ vocab"]] = []

    def accept(self, window: Window, log_probs: Float32[np.ndarray, "rows vocab"]) -> Iterator[Passage]:
        """The passages that are complete with the next window, for which the network gave `log_probs`."""
        sound, rows, begin = window.sound(), window.rows(log_probs), window.used_start
        if not self._samples:
            num_known = max(0, self._start - begin)
            sound, rows, self._start = sound[num_known:], rows[num_known // window.step :], begin + num_known
        self._samples.append(sound)
        self._log_probs.append(rows)
        most = round(_MOST_SECONDS * SAMPLE_RATE / window.step)
        while sum(map(len, self._log_probs)) > most:
            yield self._cut_off(most, window.step)
        if window.is_last:
            yield self._take()

    def _cut_off(self, most: int, step: int) -> Passage:
        """A passage of half of the `most` rows, or more."""
        whole = self._take()
        row = most // 2 + _between_words(whole.log_probs[most // 2 : most], self._separates)
        self._start = whole.start + row * step
        self._samples, self._log_probs = [whole.samples[row * step :]], [whole.log_probs[row:]]
        return Passage(whole.start, whole.samples[: row * step], whole.log_probs[:row])

    def _take(self) -> Passage:
        samples, log_probs = self._samples, self._log_probs
        self._samples, self._log_probs = [], []
        if len(samples) == 1:
            return Passage(self._start, samples[0], log_probs[0])
        return Passage(self._start, np.concatenate(samples), np.concatenate(log_probs))


def _between_words(log_probs: Float[np.ndarray, "rows vocab"], separates: npt.NDArray[np.bool_]) -> int:
    """The row amid the longest run of blanks between two words on the greedy path; between two tokens, if no run is
    between words; and where the blank is likeliest, if there is no such run either.
    """
    path = log_probs.argmax(axis=1)
    shown = np.flatnonzero(path != BLANK_ID)
    before, after = shown[:-1], shown[1:]
    blanks = after - before - 1
    between = separates[path[after]] | separates[path[before]]
    if not blanks.any():
        return int(log_probs[1:, BLANK_ID].argmax()) + 1
    best = int(np.where(between, blanks + len(path) * (blanks > 0), blanks).argmax())
    return int(before[best] + after[best] + 1) // 2
