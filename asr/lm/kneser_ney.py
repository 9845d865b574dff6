"""Interpolated modified Kneser-Ney smoothing (Chen & Goodman 1998, sections 2.7 and 4.1; Heafield et al. 2013).

    P(w | context) = (a - D(a)) / sum of a + backoff(context) * P(w | context without its first word)

a is the adjusted count of context and w, the sum goes over all words after the context, and the back-off weight is the
share of the sum that discounts and dropped n-grams free for other words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from asr.lm.counts import NGramCounts, text_order
from asr.lm.records import Records, group_equal, pack
from asr.lm.vocabulary import START_ID


@dataclass(frozen=True, slots=True)
class Discounts:
    """The discounts of the adjusted counts 1, 2, and 3 or more, for the n-grams of one order."""

    one: float
    two: float
    three_or_more: float
    is_fallback: bool  # the text has too few n-grams to estimate discounts; these are the usual ones

    def take_off(self, adjusted: np.ndarray) -> np.ndarray:
        """The discount of each of the counts."""
        discounts: np.ndarray = np.array([0.0, self.one, self.two, self.three_or_more])[np.minimum(adjusted, 3)]
        return discounts


FALLBACK = Discounts(0.5, 1.0, 1.5, is_fallback=True)


def find_discounts(counts_of_counts: Sequence[int]) -> Discounts:
    """The discounts (Chen & Goodman, equation 26) where `counts_of_counts[i]` n-grams have adjusted count i."""
    n1, n2, n3, n4 = counts_of_counts[1:5]
    if not (n1 and n2 and n3):
        return FALLBACK
    share = n1 / (n1 + 2 * n2)
    one, two, three = 1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3
    if min(one, two, three) <= 0:
        return FALLBACK
    return Discounts(one, two, three, is_fallback=False)


def smooth_unigrams(adjusted: np.ndarray, discounts: Discounts) -> np.ndarray:
    """The probability of each word, float64 [num_words]. The unknown word gets the share that every word gets from the
    discounts.

    The start of a sentence is never predicted; it gets 1, as KenLM writes it.
    """
    everything = np.zeros(len(adjusted), dtype=np.int64)
    uniform = np.full(len(adjusted), 1 / (len(adjusted) - 1))
    probs, _ = _smooth(adjusted, np.ones(len(adjusted), dtype=np.bool_), everything, discounts, uniform)
    probs[START_ID] = 1
    return probs


def smooth_part(
    ngrams: Sequence[NGramCounts], discounts: Sequence[Discounts], unigram_probs: np.ndarray, bits: int
) -> Iterator[tuple[int, Records]]:
    """Smooth the n-grams of order 2, 3, ... of a part: pairs of a length, and records of n-grams of this length.

    Keys are words in the order of the text. The values are a log-probability and a back-off weight, natural logs, one
    of which is 0: the records of one key have to be summed.
    """
    lower_probs = unigram_probs
    for length, (counts, discounts_of_order) in enumerate(zip(ngrams, discounts[1:], strict=True), start=2):
        words = counts.words[:, text_order(length)]
        contexts, context = group_equal(pack(words[:, :-1], bits))
        lower = lower_probs[counts.suffix]
        probs, backoff = _smooth(counts.adjusted, counts.is_kept, context, discounts_of_order, lower)
        yield length, log_records(pack(words[counts.is_kept], bits), probs[counts.is_kept])
        is_context = np.bincount(context[counts.is_kept], minlength=len(contexts)) > 0
        yield length - 1, log_records(contexts[is_context], backoff[is_context], column=1)
        lower_probs = probs


def _smooth(
    adjusted: np.ndarray, is_kept: np.ndarray, context: np.ndarray, discounts: Discounts, lower_probs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The probability of each n-gram, and the back-off weight of each context; `context` is each n-gram's context."""
    taken_off = discounts.take_off(adjusted)
    total = np.bincount(context, weights=adjusted)
    backoff = np.bincount(context, weights=np.where(is_kept, taken_off, adjusted)) / total
    return (adjusted - taken_off) / total[context] + backoff[context] * lower_probs, backoff


def log_records(keys: np.ndarray, probs: np.ndarray, *, column: int = 0) -> Records:
    """Records with the logs of `probs` in column 0 (of probabilities) or 1 (of back-off weights), else 0."""
    values = np.zeros((len(keys), 2))
    values[:, column] = np.log(np.minimum(probs, 1))  # rounding can bring them above 1
    return Records(keys, values)
