"""Static interpolation of n-gram models: several models, estimated each on its own text, made into one.

The probability of each n-gram that any of them lists is the weighted mean of what each model gives it (Jelinek &
Mercer 1980); back-off weights make the rest sum to one, as SRILM's `ngram -mix-lm` does. What no model lists after a
context is found by backing off in the new model, which differs a little from the mean of backing off in each.

A word that a model does not know has probability zero there, not that of its `<unk>`, or the sum over the words of all
would exceed one. As part of a context it is `<unk>` to that model.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from asr.errors import LanguageModelError
from asr.lm.backoff import ROUNDING, BackoffModel
from asr.lm.ngram import NGramModel
from asr.lm.perplexity import word_log_probs
from asr.lm.tables import NGramTable
from asr.lm.vocabulary import UNKNOWN_ID

_MAX_ROUNDS, _LEAST_GAIN = 1000, 1e-9


def interpolate(models: Sequence[NGramModel], weights: Sequence[float]) -> NGramModel:
    """One model whose n-grams, those of any of `models`, have the mean of their probabilities by `weights`.

    The order is the highest of any. Words are numbered as in the first model; those of the others follow. A model with
    weight 0 is left out.

    Raises:
        LanguageModelError: not one weight for each of one or more models, or weights that are below 0 or do not sum to
            one (to 1e-6).
    """
    _check_weights(models, weights)
    used = [(model, weight) for model, weight in zip(models, weights, strict=True) if weight > 0]
    words = list(dict.fromkeys(word for model, _ in used for word in model.vocabulary.words()))
    parts = [_Part(model, words, weight) for model, weight in used]
    mixture = BackoffModel(len(words), [])
    for order in range(1, max(model.order for model, _ in used) + 1):
        rows = _union([part.ngrams(order) for part in parts], mixture)
        probs = np.sum([part.probs(rows) for part in parts], axis=0)
        log_prob = np.minimum(0, np.log(probs)).astype(np.float32)
        mixture.append(NGramTable(rows, log_prob, np.zeros(len(rows), np.float32)))
        if order > 1:
            _normalise(mixture, order)
    return NGramModel.from_ngrams(words, mixture.ngrams)


def mixture_weights(models: Sequence[NGramModel], sentences: Iterable[Sequence[str]]) -> list[float]:
    """The weights with which the mean of the models' probabilities fits the sentences best, by expectation
    maximisation; the likelihood has one maximum. Words that no model knows do not count.

    Raises:
        LanguageModelError: there are no sentences or no models, or the models know none of the words.
    """
    sentences = list(sentences)
    if not sentences or not models:
        raise LanguageModelError("weights need one model or more, and sentences to fit; found none")
    probs = np.stack([_word_probs(model, sentences) for model in models])  # [models, words]
    probs = probs[:, probs.any(axis=0)]
    if not probs.size:
        raise LanguageModelError("the models know none of the words of the text that the weights are to fit")
    weights, before = np.full(len(models), 1 / len(models)), -math.inf
    for _ in range(_MAX_ROUNDS):
        mixed = weights @ probs
        likelihood = float(np.log(mixed).mean())
        if likelihood - before < _LEAST_GAIN:
            break
        before = likelihood
        weights = weights * (probs / mixed).mean(axis=1)
    return [float(weight) for weight in weights / weights.sum()]


def _check_weights(models: Sequence[NGramModel], weights: Sequence[float]) -> None:
    if not models or len(weights) != len(models):
        raise LanguageModelError(f"found {len(weights)} weights for {len(models)} models; expected one for each")
    if not (min(weights) >= 0 and abs(sum(weights) - 1) <= 1e-6):
        shown = ", ".join(f"{weight:g}" for weight in weights)
        raise LanguageModelError(f"the weights are {shown}; expected numbers of 0 or more whose sum is 1")


class _Part:
    """A model among others, in the word ids of them all."""

    def __init__(self, model: NGramModel, words: Sequence[str], weight: float) -> None:
        place = {word: number for number, word in enumerate(words)}
        self._tables = model.to_ngrams()
        self._model = BackoffModel(len(model.vocabulary), self._tables)
        self._own_ids = model.word_ids(words)
        self._is_known = (self._own_ids != UNKNOWN_ID) | (np.arange(len(words)) == UNKNOWN_ID)
        self._common_ids = np.array([place[word] for word in model.vocabulary.words()], dtype=np.int32)
        self._weight = weight

    def ngrams(self, order: int) -> np.ndarray:
        """The n-grams of an order, int32 [num_ngrams, order]; none beyond the model's own order."""
        if order > len(self._tables):
            return np.zeros((0, order), dtype=np.int32)
        rows: np.ndarray = self._common_ids[self._tables[order - 1].words]
        return rows

    def probs(self, rows: np.ndarray) -> np.ndarray:
        """The weighted probability of the last word of each row after the words before it."""
        log_probs = self._model.log_probs(self._own_ids[rows])
        return np.where(self._is_known[rows[:, -1]], self._weight * np.exp(log_probs), 0.0)


def _union(tables: Sequence[np.ndarray], lower: BackoffModel) -> np.ndarray:
    """All rows of the tables, each once, in lexicographic order; their contexts are n-grams of `lower`."""
    rows = np.concatenate(tables)
    keys = lower.find(rows[:, :-1]) * lower.num_words + rows[:, -1]
    first = np.unique(keys, return_index=True)[1]
    return np.asarray(rows[first])


def _normalise(model: BackoffModel, order: int) -> None:
    """Set the back-off weights of the contexts of the n-grams of `order`, so that all words after one sum to one."""
    lower_probs = np.exp(model.log_probs(model.ngrams[order - 1].words[:, 1:]))
    unseen, lower_unseen = (np.maximum(share, ROUNDING) for share in model.unseen(order, lower_probs))
    has_ngrams = np.bincount(model.contexts[order - 1], minlength=len(unseen)) > 0
    model.set_backoffs(order - 1, np.where(has_ngrams, np.log(unseen / lower_unseen), 0.0))


def _word_probs(model: NGramModel, sentences: Sequence[Sequence[str]]) -> np.ndarray:
    """The probability of each word and each end of a sentence; zero for an unknown word."""
    words, log_probs = word_log_probs(model, sentences)
    return np.where(words == UNKNOWN_ID, 0.0, np.exp(log_probs))
