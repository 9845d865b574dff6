"""The tagger on running text, in windows at fixed places: what it says about a word never depends on how the text was
cut before it came.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from asr.text.tagger import NUM_OUTPUTS, Tagger

_ROWS = 16  # windows that are computed together; always as many, and each in its row, so that sums are rounded alike


class TagStream:
    """Log-probabilities of the tags of words that come one after the other.

    Window number k decides `step` words from number k * step on, and sees `left` words before and `right` after them.
    """

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        self._vectors: list[Float32[ndarray, "size"]] = []
        self._first = 0  # the number of the word of the first vector
        self._window = 0  # the next

    def accept(self, words: Sequence[str]) -> Float32[ndarray, "decided 8"]:
        """The next words; the rows of those that are decided by now, in order."""
        self._vectors += [self._tagger.vector(word) for word in words]
        settings = self._tagger.settings
        return self._run((self._first + len(self._vectors) - settings.right) // settings.step)

    def finish(self) -> Float32[ndarray, "decided 8"]:
        """There are no more words: the rows of the rest."""
        return self._run(-(-(self._first + len(self._vectors)) // self._tagger.settings.step))

    def _run(self, end: int) -> Float32[ndarray, "decided 8"]:
        """The rows of all windows before number `end`."""
        found = [np.empty((0, NUM_OUTPUTS), np.float32)]
        while self._window < end:
            last = min(end, self._window // _ROWS * _ROWS + _ROWS)
            found += self._group(range(self._window, last))
            self._window = last
        first = max(0, self._window * self._tagger.settings.step - self._tagger.settings.left)
        if first > self._first:
            del self._vectors[: first - self._first]
            self._first = first
        return np.concatenate(found)

    def _group(self, windows: range) -> Iterator[Float32[ndarray, "decided 8"]]:
        settings = self._tagger.settings
        time = settings.left + settings.step + settings.right
        vectors = np.zeros((_ROWS, time, self._tagger.letters.shape[1]), np.float32)
        present = np.zeros((_ROWS, time), bool)
        num_words = self._first + len(self._vectors)
        for window in windows:
            start = window * settings.step - settings.left
            first, last = max(0, start), min(num_words, start + time)
            row, place = window % _ROWS, slice(first - start, last - start)
            vectors[row, place] = self._vectors[first - self._first : last - self._first]
            present[row, place] = True
        log_probs = self._tagger.log_probs(vectors, present)
        for window in windows:
            num_decided = min(settings.step, num_words - window * settings.step)
            yield log_probs[window % _ROWS, settings.left : settings.left + num_decided]
