"""A back-off model as tables of n-grams that can be looked up and changed: for making a new model of old ones."""

from collections.abc import Sequence

import numpy as np

from asr.errors import LanguageModelError
from asr.lm.tables import NGramTable

ROUNDING = 1e-6  # of a sum of probabilities whose logs have single precision


class BackoffModel:
    """n-grams with an index to find them: keys made of the row of their context and their last word, ascending.

    `contexts`, one array an order: the rows of the contexts of its n-grams in the order below.

    Raises:
        LanguageModelError: an n-gram's context is not in the model.
    """

    def __init__(self, num_words: int, ngrams: Sequence[NGramTable]) -> None:
        self.num_words = num_words
        self.ngrams: list[NGramTable] = []
        self.contexts: list[np.ndarray] = []
        self._keys: list[np.ndarray] = []
        for table in ngrams:
            self.append(table)

    def append(self, table: NGramTable) -> None:
        """Add the n-grams of the next order. Raises LanguageModelError as for the class."""
        context = self.find(table.words[:, :-1])
        if (context < 0).any():
            row, order = int((context < 0).argmax()), len(self.ngrams) + 1
            raise LanguageModelError(f"row {row} of the {order}-grams: its context is not among the n-grams")
        self.ngrams.append(table)
        self.contexts.append(context)
        self._keys.append(context * self.num_words + table.words[:, -1])

    def find(self, words: np.ndarray) -> np.ndarray:
        """The rows of n-grams, int32 [num_ngrams, n], in the table of their order; -1 where one is not there."""
        rows = np.zeros(len(words), dtype=np.int64)
        for keys, word in zip(self._keys, words.T, strict=False):
            wanted = rows * self.num_words + word  # negative for what was not found
            rows = np.searchsorted(keys, wanted)
            rows[np.append(keys, np.iinfo(np.int64).min)[rows] != wanted] = -1  # the end is like nothing wanted
        return rows

    def log_probs(self, words: np.ndarray) -> np.ndarray:
        """The log-probability of the last word of each row after the words before it, float64; by backing off."""
        if words.shape[1] > len(self.ngrams):
            return self.log_probs(words[:, 1:])
        rows = self.find(words)
        table = self.ngrams[words.shape[1] - 1]
        result = table.log_prob[rows].astype(np.float64) if len(table.words) else np.zeros(len(rows))
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            contexts = self.find(words[missing, :-1])
            backoffs = np.append(self.ngrams[words.shape[1] - 2].backoff, 0)  # row -1: there is no such context
            result[missing] = backoffs[contexts] + self.log_probs(words[missing, 1:])
        return result

    def unseen(self, order: int, lower_probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The probability left for words unseen after a context: by the model, and without the context's first word.

        One pair for each context of the n-grams of `order`; `lower_probs` are those of these n-grams without their
        first word.
        """
        num_contexts = len(self.ngrams[order - 2].words)
        seen, lower_seen = (
            np.bincount(self.contexts[order - 1], weights=probs, minlength=num_contexts)
            for probs in (np.exp(self.ngrams[order - 1].log_prob, dtype=np.float64), lower_probs)
        )
        return np.maximum(0, 1 - seen), np.maximum(0, 1 - lower_seen)

    def set_backoffs(self, order: int, backoff: np.ndarray) -> None:
        """Give the n-grams of an order other back-off weights, natural log."""
        table = self.ngrams[order - 1]
        self.ngrams[order - 1] = NGramTable(table.words, table.log_prob, backoff.astype(np.float32))
