"""What the tagger has to beat: the mark that most often stood between two words, and the usual case of each word."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asr.text.tags import CASES, LOWER, MARKS, SENTENCE_ENDS, cased
from recipes.english.tagger_training import Corpus

_MIN_COUNT = 3  # of a pair of words


class Baseline:
    """Counts of a training text."""

    def __init__(self, corpus: Corpus) -> None:
        self._mixed = corpus.mixed
        words = corpus.words.astype(np.int64)
        known = corpus.cases >= 0
        cases = _most_frequent(words[known], corpus.cases[known], len(CASES), min_count=1)
        self._cases = {corpus.kinds[word]: case for word, case in cases.items()}
        num_kinds = len(corpus.kinds)
        pairs = words[:-1] * num_kinds + words[1:]
        marks = _most_frequent(pairs, corpus.marks[:-1], len(MARKS), min_count=_MIN_COUNT)
        self._marks = {
            (corpus.kinds[pair // num_kinds], corpus.kinds[pair % num_kinds]): mark for pair, mark in marks.items()
        }

    def restored(self, words: Sequence[str]) -> list[str]:
        """Words of any case, as they are printed."""
        written, begins = [], True
        lower = [word.lower() for word in words]
        for word, following in zip(lower, [*lower[1:], ""], strict=True):
            mark = MARKS[self._marks.get((word, following), 0)] if following else "."
            case = self._cases.get(word, LOWER)
            written.append(cased(word, case, begins=begins, mixed=self._mixed) + mark)
            begins = mark in SENTENCE_ENDS
        return written


def _most_frequent(
    keys: npt.NDArray[np.int64], tags: npt.NDArray[np.int8], num_tags: int, *, min_count: int
) -> dict[int, int]:
    """The most frequent tag of each key that occurs so often, if it is not tag 0."""
    codes, counts = np.unique(keys * num_tags + tags, return_counts=True)
    found, starts = np.unique(codes // num_tags, return_index=True)
    order = np.lexsort((codes, -counts, codes // num_tags))  # within a key the most frequent first
    is_shown = (np.add.reduceat(counts, starts) >= min_count) & (codes[order][starts] % num_tags > 0)
    best = codes[order][starts] % num_tags
    return dict(zip(found[is_shown].tolist(), best[is_shown].tolist(), strict=True))
