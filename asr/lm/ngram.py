"""n-gram language models: a vocabulary, and the graph of states that search walks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr.errors import LanguageModelError
from asr.lm.binary import read_binary, write_binary
from asr.lm.graph import build_tables, list_ngrams
from asr.lm.tables import LMTables, NGramTable, lm_step
from asr.lm.vocabulary import END, END_ID, START, START_ID, UNKNOWN, UNKNOWN_ID, Vocabulary

__all__ = [
    "END",
    "END_ID",
    "START",
    "START_ID",
    "UNKNOWN",
    "UNKNOWN_ID",
    "LMTables",
    "NGramModel",
    "NGramTable",
    "Vocabulary",
    "lm_step",
]


@dataclass(frozen=True, slots=True, eq=False)
class NGramModel:
    """A back-off model (Katz 1987) of any smoothing. All log-probabilities are natural logs."""

    vocabulary: Vocabulary
    tables: LMTables
    num_states: np.ndarray  # int64 [order]: how many states have contexts of no words, one word, ...

    @classmethod
    def from_ngrams(cls, words: Sequence[str] | Vocabulary, ngrams: Sequence[NGramTable]) -> "NGramModel":
        """The model of `ngrams[n - 1]`, the n-grams of order n, whose word ids are places in `words`.

        Every word is a unigram; the context of every n-gram is an n-gram of the order below.

        Raises:
            LanguageModelError: that does not hold, rows are unordered or repeated, or a value is not a log-probability.
        """
        vocabulary = words if isinstance(words, Vocabulary) else Vocabulary.from_words(words)
        return cls(vocabulary, *build_tables(len(vocabulary), ngrams))

    def to_ngrams(self) -> list[NGramTable]:
        """The n-grams of order 1, 2, ... from which the model was made."""
        return list_ngrams(self.tables, self.num_states)

    @classmethod
    def load(cls, path: Path) -> "NGramModel":
        """Map a binary file that `save` has written into memory. Raises LanguageModelError if it is not one."""
        return cls(*read_binary(path))

    def save(self, path: Path) -> None:
        """Write a binary file, which loads at once. Raises OutputError if it cannot be written."""
        write_binary(path, self.vocabulary, self.tables, self.num_states)

    @property
    def order(self) -> int:
        """The number of words in the longest n-grams."""
        return len(self.num_states)

    @property
    def num_ngrams(self) -> list[int]:
        """How many n-grams there are of order 1, 2, ..."""
        first_state = np.concatenate([[0], np.cumsum(self.num_states)])
        return [int(number) for number in np.diff(self.tables.arc_start[first_state])]

    @property
    def start_state(self) -> int:
        """The state at the start of a sentence."""
        return int(self.tables.arc_next[START_ID])

    def word_id(self, word: str) -> int:
        """The id of a word, that of `UNKNOWN` if it is not in the vocabulary."""
        return int(self.vocabulary.ids([word])[0])

    def word_ids(self, words: Sequence[str]) -> np.ndarray:
        """The ids of words, int32 [num_words]."""
        return self.vocabulary.ids(words)

    def step(self, state: int, word: int) -> tuple[float, int]:
        """The natural-log probability of a word after a state, and the state after it.

        Raises:
            LanguageModelError: there is no such state or word.
        """
        if not (0 <= state < len(self.tables.backoff) and 0 <= word < len(self.vocabulary)):
            raise LanguageModelError(
                f"found state {state} and word {word}; the model has {len(self.tables.backoff)} states and "
                f"{len(self.vocabulary)} words, counted from 0"
            )
        return lm_step(self.tables, state, word)
