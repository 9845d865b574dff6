"""Entropy pruning: drop the n-grams whose loss changes a model least (Stolcke 1998), as SRILM's -prune does."""

import math
from collections.abc import Sequence

import numpy as np

from asr.errors import LanguageModelError
from asr.lm.backoff import ROUNDING, BackoffModel
from asr.lm.tables import NGramTable
from asr.lm.vocabulary import END_ID, START_ID


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
    model = BackoffModel(len(words), ngrams)
    is_kept = _choose(model, threshold)
    kept_ngrams = [
        NGramTable(table.words[kept], table.log_prob[kept], table.backoff[kept])
        for table, kept in zip(ngrams, is_kept, strict=True)
    ]
    pruned = BackoffModel(len(words), kept_ngrams)
    _normalise(pruned, _lost_extensions(model, is_kept))
    return pruned.ngrams


def _choose(model: BackoffModel, threshold: float) -> list[np.ndarray]:
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


def _context_log_probs(model: BackoffModel) -> list[np.ndarray]:
    """The log-probability of each n-gram of each order as the beginning of a text; for <s>, that of </s>."""
    single = model.ngrams[0].log_prob.astype(np.float64)
    single[START_ID] = single[END_ID]
    log_probs = [single]
    for table, context in zip(model.ngrams[1:], model.contexts[1:], strict=True):
        log_probs.append(log_probs[-1][context] + table.log_prob)
    return log_probs


def _divergence(model: BackoffModel, order: int, context_log_probs: np.ndarray) -> np.ndarray:
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


def _lost_extensions(model: BackoffModel, is_kept: Sequence[np.ndarray]) -> list[np.ndarray]:
    """For each n-gram below the highest order that is kept, whether it is the context of one that is not."""
    lost = []
    for kept, longer_kept, contexts in zip(is_kept, is_kept[1:], model.contexts[1:], strict=False):
        lost.append(np.bincount(contexts[~longer_kept], minlength=len(kept))[kept] > 0)
    return lost


def _normalise(model: BackoffModel, lost: Sequence[np.ndarray]) -> None:
    """Recompute the back-off weights of contexts that lost n-grams, or whose suffixes did; shorter contexts first."""
    has_changed = np.zeros(1, dtype=np.bool_)  # of the empty context
    for order, lost_of_order in enumerate(lost, start=2):
        contexts = model.ngrams[order - 2]
        suffix = model.find(contexts.words[:, 1:])
        has_changed = lost_of_order | (suffix < 0) | has_changed[suffix]
        lower_probs = np.exp(model.log_probs(model.ngrams[order - 1].words[:, 1:]))
        unseen, lower_unseen = model.unseen(order, lower_probs)
        # Where almost nothing is unseen, the shares are only rounding errors, and the old weight does no harm.
        is_sure = has_changed & (np.minimum(unseen, lower_unseen) > ROUNDING)
        backoff = contexts.backoff.copy()
        backoff[is_sure] = np.log(unseen[is_sure] / lower_unseen[is_sure])
        model.set_backoffs(order - 1, backoff)
