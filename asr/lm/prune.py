"""Entropy pruning: drop the n-grams whose loss changes a model least (Stolcke 1998), as SRILM's -prune does."""

import math
from collections.abc import Sequence

import numpy as np

from asr.errors import LanguageModelError
from asr.lm.tables import NGramTable
from asr.lm.vocabulary import END_ID, START_ID

_ROUNDING = 1e-6  # of a sum of probabilities whose logs have single precision


def prune_ngrams(words: Sequence[str], ngrams: Sequence[NGramTable], threshold: float) -> list[NGramTable]:
    """The model without each n-gram whose loss alone changes its perplexity by less than `threshold`, such as 1e-8.

    The change is relative, 0.01 for 1 %, and estimated with the model itself. Unigrams, and contexts of kept n-grams,
    are kept. Back-off weights are recomputed, so that the probabilities after each context sum to one again.

    Raises:
        LanguageModelError: `threshold` is negative or not a number, or a word or an n-gram's context is not in the
            model.
    """
    if not 0 <= threshold < math.inf:
        raise LanguageModelError(f"the threshold of pruning is {threshold}; expected 0 or a small number, such as 1e-8")
    if len(ngrams[0].words) != len(words):
        raise LanguageModelError(f"{len(words)} words and {len(ngrams[0].words)} unigrams; expected one for each word")
    if threshold == 0:
        return list(ngrams)
    model = _Model(len(words), ngrams)
    is_kept = _choose(model, threshold)
    kept_ngrams = [
        NGramTable(table.words[kept], table.log_prob[kept], table.backoff[kept])
        for table, kept in zip(ngrams, is_kept, strict=True)
    ]
    pruned = _Model(len(words), kept_ngrams)
    _normalise(pruned, model.lost_extensions(is_kept))
    return pruned.ngrams


class _Model:
    """n-grams with an index to find them: keys made of the row of their context and their last word, ascending."""

    def __init__(self, num_words: int, ngrams: Sequence[NGramTable]) -> None:
        self.num_words = num_words
        self.ngrams = list(ngrams)
        self.contexts: list[np.ndarray] = []  # of each order: the rows of the contexts in the order below
        self.keys: list[np.ndarray] = []
        for order, table in enumerate(ngrams, start=1):
            context = self.find(table.words[:, :-1])
            if (context < 0).any():
                row = int((context < 0).argmax())
                raise LanguageModelError(f"row {row} of the {order}-grams: its context is not among the n-grams")
            self.contexts.append(context)
            self.keys.append(context * num_words + table.words[:, -1])

    def find(self, words: np.ndarray) -> np.ndarray:
        """The rows of n-grams, int32 [num_ngrams, n], in the table of their order; -1 where one is not there."""
        rows = np.zeros(len(words), dtype=np.int64)
        for keys, word in zip(self.keys, words.T, strict=False):
            wanted = rows * self.num_words + word  # negative for what was not found
            rows = np.searchsorted(keys, wanted)
            rows[np.append(keys, -1)[rows] != wanted] = -1
        return rows

    def log_probs(self, words: np.ndarray) -> np.ndarray:
        """The log-probability of the last word of each row after the words before it, float64; by backing off."""
        rows = self.find(words)
        table = self.ngrams[words.shape[1] - 1]
        result = table.log_prob[rows].astype(np.float64) if len(table.words) else np.zeros(len(rows))
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            contexts = self.find(words[missing, :-1])
            backoff = np.where(contexts < 0, 0.0, self.ngrams[words.shape[1] - 2].backoff[contexts])
            result[missing] = backoff + self.log_probs(words[missing, 1:])
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

    def lost_extensions(self, is_kept: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each n-gram below the highest order that is kept, whether it is the context of one that is not."""
        lost = []
        for kept, longer_kept, contexts in zip(is_kept, is_kept[1:], self.contexts[1:], strict=False):
            lost.append(np.bincount(contexts[~longer_kept], minlength=len(kept))[kept] > 0)
        return lost


def _choose(model: _Model, threshold: float) -> list[np.ndarray]:
    """For each n-gram of each order whether it stays."""
    context_log_probs = _context_log_probs(model)
    needed = np.zeros(len(model.ngrams[-1].words), dtype=np.bool_)
    is_kept = []
    for order in range(len(model.ngrams), 1, -1):
        change = np.expm1(_divergence(model, order, context_log_probs[order - 2]))
        kept = needed | ~(change < threshold)
        is_kept.append(kept)
        contexts = model.contexts[order - 1]
        needed = np.bincount(contexts[kept], minlength=len(model.ngrams[order - 2].words)) > 0
    return [np.ones(len(model.ngrams[0].words), dtype=np.bool_), *reversed(is_kept)]


def _context_log_probs(model: _Model) -> list[np.ndarray]:
    """The log-probability of each n-gram of each order as the beginning of a text; for <s>, that of </s>."""
    single = model.ngrams[0].log_prob.astype(np.float64)
    single[START_ID] = single[END_ID]
    log_probs = [single]
    for table, context in zip(model.ngrams[1:], model.contexts[1:], strict=True):
        log_probs.append(log_probs[-1][context] + table.log_prob)
    return log_probs


def _divergence(model: _Model, order: int, context_log_probs: np.ndarray) -> np.ndarray:
    """The relative entropy, natural log, of the model and the one without each n-gram (Stolcke 1998, section 3)."""
    table, context = model.ngrams[order - 1], model.contexts[order - 1]
    log_prob = table.log_prob.astype(np.float64)
    lower_log_prob = model.log_probs(table.words[:, 1:])
    prob, lower_prob = np.exp(log_prob), np.exp(lower_log_prob)
    unseen, lower_unseen = (share[context] for share in model.unseen(order, lower_prob))
    new_backoff = np.log(unseen + prob) - np.log(lower_unseen + lower_prob)
    of_word = lower_log_prob + new_backoff - log_prob
    of_unseen_words = new_backoff - model.ngrams[order - 2].backoff[context]
    divergence: np.ndarray = -np.exp(context_log_probs[context]) * (prob * of_word + unseen * of_unseen_words)
    return divergence


def _normalise(model: _Model, lost: Sequence[np.ndarray]) -> None:
    """Recompute the back-off weights of contexts that lost n-grams, or whose suffixes did; shorter contexts first."""
    has_changed = np.zeros(1, dtype=np.bool_)  # of the empty context
    for order, lost_of_order in enumerate(lost, start=2):
        contexts = model.ngrams[order - 2]
        suffix = model.find(contexts.words[:, 1:])
        has_changed = lost_of_order | (suffix < 0) | has_changed[suffix]
        lower_probs = np.exp(model.log_probs(model.ngrams[order - 1].words[:, 1:]))
        unseen, lower_unseen = model.unseen(order, lower_probs)
        # Where almost nothing is unseen, the shares are only rounding errors, and the old weight does no harm.
        is_sure = has_changed & (np.minimum(unseen, lower_unseen) > _ROUNDING)
        backoff = contexts.backoff.copy()
        backoff[is_sure] = np.log(unseen[is_sure] / lower_unseen[is_sure])
        model.ngrams[order - 2] = NGramTable(contexts.words, contexts.log_prob, backoff)
