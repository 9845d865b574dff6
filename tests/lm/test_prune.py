"""Entropy pruning, against the relative entropies of whole distributions (Stolcke 1998, section 3)."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.errors import LanguageModelError
from asr.lm.backoff import BackoffModel
from asr.lm.estimate import estimate_ngrams
from asr.lm.ngram import NGramModel, NGramTable
from asr.lm.perplexity import perplexity
from asr.lm.prune import prune_ngrams
from tests.support.arpa_oracle import Oracle, as_text

SENTENCES = st.lists(st.lists(st.sampled_from("abcd"), max_size=7), min_size=1, max_size=12).filter(any)
THRESHOLDS = st.floats(-9, -0.5).map(lambda exponent: 10.0**exponent)


def walk(num_words: int, seed: int) -> list[list[str]]:
    """Sentences of 20 words: a random walk that likes some pairs of 30 words."""
    rng = np.random.default_rng(seed)
    likes = np.random.default_rng(0).dirichlet(np.full(30, 0.1), size=30)
    words = [0]
    for _ in range(num_words - 1):
        words.append(rng.choice(30, p=likes[words[-1]]))
    return [[f"w{word}" for word in sentence] for sentence in np.array(words).reshape(-1, 20)]


def table(rows: list[list[int]], probs: list[float], backoffs: list[float]) -> NGramTable:
    return NGramTable(np.array(rows, dtype=np.int32), *np.log([probs, backoffs], dtype=np.float32))


def oracle_of(words: Sequence[str], ngrams: Sequence[NGramTable]) -> Oracle:
    return Oracle(as_text(words, ngrams), order=len(ngrams))


def distribution(oracle: Oracle, context: tuple[str, ...], words: Sequence[str]) -> np.ndarray:
    return np.array([10 ** oracle.log10_prob(context, word) for word in words if word != "<s>"])


def context_prob(oracle: Oracle, context: tuple[str, ...]) -> float:
    """By the chain rule; <s>, which no model predicts, is as likely as </s>."""
    first = "</s>" if context[0] == "<s>" else context[0]
    rest = sum(oracle.log10_prob(context[:i], context[i]) for i in range(1, len(context)))
    return 10 ** (oracle.log10_prob((), first) + rest)


def changes(oracle: Oracle, words: Sequence[str]) -> dict[tuple[str, ...], float]:
    """For each n-gram the share by which perplexity grows without it."""
    found = {}
    for ngram in [g for g in oracle.log_probs if len(g) > 1]:
        context = ngram[:-1]
        before = distribution(oracle, context, words)
        log_prob, backoff = oracle.log_probs.pop(ngram), oracle.backoffs[context]
        listed = [word for word in words if (*context, word) in oracle.log_probs]
        seen = sum(10 ** oracle.log10_prob(context, word) for word in listed)
        lower_seen = sum(10 ** oracle.log10_prob(context[1:], word) for word in listed)
        oracle.backoffs[context] = math.log10((1 - seen) / (1 - lower_seen))
        after = distribution(oracle, context, words)
        assert after.sum() == pytest.approx(1, abs=1e-4)
        oracle.log_probs[ngram], oracle.backoffs[context] = log_prob, backoff
        divergence = np.sum(before * np.log(before / after))
        found[ngram] = math.expm1(context_prob(oracle, context) * divergence)
    return found


def assert_normalised(words: Sequence[str], ngrams: Sequence[NGramTable]) -> None:
    oracle = oracle_of(words, ngrams)
    for context in [(), *(g for g in oracle.log_probs if len(g) < len(ngrams))]:
        assert distribution(oracle, context, words).sum() == pytest.approx(1, abs=1e-4), context


@pytest.mark.parametrize("threshold", [1e-5, 1e-4, 1e-3, 1e-2])
def test_leaves_out_what_changes_little(threshold: float) -> None:
    model = estimate_ngrams(walk(300, seed=1), order=4)
    expected = changes(oracle_of(model.words, model.ngrams), model.words)
    pruned = prune_ngrams(model.words, model.ngrams, threshold)
    kept = oracle_of(model.words, pruned).log_probs
    contexts = {g[:-1] for g in kept}
    assert 0 < len(expected.keys() & kept.keys()) < len(expected)
    for ngram, change in expected.items():
        assert (ngram in kept) == (change >= threshold or ngram in contexts), ngram
    assert_normalised(model.words, pruned)


@settings(max_examples=30)
@given(SENTENCES, st.integers(1, 5), THRESHOLDS, THRESHOLDS)
def test_stays_a_normalised_model(
    sentences: list[list[str]], order: int, threshold: float, second_threshold: float
) -> None:
    """Also when it is pruned twice: then suffixes of n-grams are missing from the start."""
    model = estimate_ngrams(sentences, order=order)
    once = prune_ngrams(model.words, model.ngrams, threshold)
    for ngrams in (once, prune_ngrams(model.words, once, second_threshold)):
        assert_normalised(model.words, ngrams)
        assert NGramModel.from_ngrams(model.words, ngrams).order == order  # raises if contexts are missing
        assert len(ngrams[0].words) == len(model.words)


def test_probabilities_of_what_stays_are_the_same() -> None:
    model = estimate_ngrams(walk(300, seed=1), order=3)
    before, after = (oracle_of(model.words, n) for n in (model.ngrams, prune_ngrams(model.words, model.ngrams, 1e-3)))
    assert after.log_probs.items() < before.log_probs.items()
    assert after.backoffs.items() - before.backoffs.items()


def test_threshold_zero_changes_nothing() -> None:
    model = estimate_ngrams(walk(300, seed=1), order=3)
    for before, after in zip(model.ngrams, prune_ngrams(model.words, model.ngrams, 0.0), strict=True):
        for name in ("words", "log_prob", "backoff"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_contexts_that_keep_all_keep_their_weight() -> None:
    model = estimate_ngrams(walk(300, seed=1), order=2)
    pruned = prune_ngrams(model.words, model.ngrams, 1e-3)
    size = len(model.words)
    before, after = (np.bincount(ngrams[1].words[:, 0], minlength=size) for ngrams in (model.ngrams, pruned))
    lost = before > after
    assert 0 < lost.sum() < size
    np.testing.assert_array_equal(model.ngrams[0].backoff[~lost], pruned[0].backoff[~lost])
    assert (model.ngrams[0].backoff[lost] != pruned[0].backoff[lost]).all()


def test_a_context_that_is_not_there_is_not_found_in_an_order_that_has_no_ngrams() -> None:
    """By the last word of the vocabulary it was: its key below a missing context is -1."""
    model = BackoffModel(
        3,
        [
            table([[0], [1], [2]], [0.25, 0.25, 0.5], [1, 1, 1]),
            NGramTable(np.zeros((0, 2), np.int32), np.zeros(0, np.float32), np.zeros(0, np.float32)),
            NGramTable(np.zeros((0, 3), np.int32), np.zeros(0, np.float32), np.zeros(0, np.float32)),
        ],
    )
    words = np.array([[0, 1, 2]])
    assert model.find(words).tolist() == [-1]
    np.testing.assert_allclose(np.exp(model.log_probs(words)), [0.5])


def test_where_almost_all_words_are_seen_a_weight_is_no_rounding() -> None:
    """After `a` and after `a a` the unseen words are less likely than what single precision tells from 0.

    Without `a b`, which may go, `a` gets the weight 0.3 / 0.6; its words are then those that `a a` backs off to.
    """
    words = ["<unk>", "<s>", "</s>", "a", "b"]
    ngrams = [
        table([[0], [1], [2], [3], [4]], [1e-9, 1, 1e-9, 0.4, 0.6], [1, 1, 1, 1, 1]),
        table([[3, 3], [3, 4]], [0.7, 0.3], [0.25, 1]),
        table([[3, 3, 3], [3, 3, 4]], [0.1, 0.9], [1 / 9, 1 / 6]),
        table([[3, 3, 3, 3], [3, 3, 4, 3]], [0.9, 0.9], [1, 1]),
    ]
    pruned = prune_ngrams(words, ngrams, 1e-4)
    assert [len(of_order.words) for of_order in pruned] == [5, 1, 2, 2]
    np.testing.assert_allclose(np.exp(pruned[0].backoff), [1, 1, 1, 0.5, 1], rtol=1e-6)
    np.testing.assert_allclose(np.exp(pruned[1].backoff), [0.25], rtol=1e-6)
    assert_normalised(words, pruned)


def test_weights_follow_suffixes_that_are_no_ngrams() -> None:
    """`a b c` backs off to `c`, for there is no `b c`; after `c`, `a` has 0.2 / 1.4 instead of 0.25, if `c a` goes."""
    words = ["<unk>", "<s>", "</s>", "a", "b", "c"]
    ngrams = [
        table([[0], [1], [2], [3], [4], [5]], [0.1, 1, 0.1, 0.2, 0.3, 0.3], [1, 1, 1, 1 / 7, 1, 0.5]),
        table([[3, 4], [5, 3], [5, 4]], [0.9, 0.25, 0.5], [1 / 7, 1, 1]),
        table([[3, 4, 5]], [0.9], [0.1 / 0.75]),
        table([[3, 4, 5, 3]], [0.9], [1]),
    ]
    assert_normalised(words, ngrams)
    pruned = prune_ngrams(words, ngrams, 0.02)
    assert [of_order.words.tolist() for of_order in pruned[1:]] == [[[3, 4], [5, 4]], [[3, 4, 5]], [[3, 4, 5, 3]]]
    np.testing.assert_allclose(np.exp(pruned[0].backoff), [1, 1, 1, 1 / 7, 1, 0.5 / 0.7], rtol=1e-6)
    np.testing.assert_allclose(np.exp(pruned[2].backoff), [0.1 / (1 - 0.2 / 1.4)], rtol=1e-6)


def test_perplexity_grows_with_the_threshold_and_little() -> None:
    model, held_out = estimate_ngrams(walk(4000, seed=1), order=3), walk(1000, seed=2)
    sizes, perplexities = [], []
    for threshold in (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3):
        ngrams = prune_ngrams(model.words, model.ngrams, threshold)
        sizes.append(sum(len(table.words) for table in ngrams))
        pruned = NGramModel.from_ngrams(model.words, ngrams)
        perplexities.append([perplexity(pruned, text).with_unknown for text in (walk(4000, seed=1), held_out)])
    of_training, of_held_out = np.array(perplexities).T
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[4] < 0.7 * sizes[0]
    assert (np.diff(of_training) >= 0).all()
    assert of_held_out[4] < 1.02 * of_held_out[0]


@pytest.mark.parametrize("threshold", [-1e-9, math.nan, math.inf])
def test_refuses_thresholds_that_are_none(threshold: float) -> None:
    model = estimate_ngrams([["a"]], order=2)
    with pytest.raises(LanguageModelError, match=r"the threshold of pruning is .*; expected 0 or a small number"):
        prune_ngrams(model.words, model.ngrams, threshold)


def test_refuses_what_is_no_model() -> None:
    model = estimate_ngrams([["a", "b"]], order=3)
    with pytest.raises(LanguageModelError, match="6 words and 5 unigrams; expected one for each word"):
        prune_ngrams([*model.words, "c"], model.ngrams, 1e-8)
    no_bigrams = NGramTable(model.ngrams[1].words[:0], np.zeros(0, np.float32), np.zeros(0, np.float32))
    with pytest.raises(LanguageModelError, match="row 0 of the 3-grams: its context is not among the n-grams"):
        prune_ngrams(model.words, [model.ngrams[0], no_bigrams, model.ngrams[2]], 1e-8)
