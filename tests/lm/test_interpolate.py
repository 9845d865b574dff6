"""Interpolated models, against the mean of each model's own probabilities by Katz's rule."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.errors import LanguageModelError
from asr.lm.estimate import estimate_ngrams
from asr.lm.interpolate import interpolate, mixture_weights
from asr.lm.ngram import NGramModel
from asr.lm.perplexity import perplexity
from asr.lm.prune import prune_ngrams
from tests.support.arpa_oracle import Oracle, as_text, assert_equal_models

Sentences = list[list[str]]
FIRST = st.lists(st.lists(st.sampled_from("abcd"), max_size=7), min_size=1, max_size=10).filter(any)
SECOND = st.lists(st.lists(st.sampled_from("cdef"), max_size=7), min_size=1, max_size=10).filter(any)


def model_of(sentences: Sentences, order: int, *, prune: float = 0.0) -> NGramModel:
    estimated = estimate_ngrams(sentences, order=order)
    return NGramModel.from_ngrams(estimated.words, prune_ngrams(estimated.words, estimated.ngrams, prune))


def oracle_of(model: NGramModel) -> Oracle:
    return Oracle(as_text(model.vocabulary.words(), model.to_ngrams()), order=model.order)


def prob(oracle: Oracle, context: tuple[str, ...], word: str) -> float:
    """Zero for a word that the model does not know; in a context it is <unk>."""
    if (word,) not in oracle.log_probs:
        return 0.0
    shown = tuple(each if (each,) in oracle.log_probs else "<unk>" for each in context)
    return float(
        10 ** oracle.log10_prob(shown[max(0, len(shown) - oracle.order + 1) :] if oracle.order > 1 else (), word)
    )


@settings(max_examples=40)
@given(FIRST, SECOND, st.integers(1, 4), st.integers(1, 4), st.floats(0.01, 0.99), st.sampled_from([0.0, 1e-2]))
def test_every_ngram_has_the_mean_and_all_words_sum_to_one(
    first: Sentences, second: Sentences, order: int, other_order: int, weight: float, prune: float
) -> None:
    models = [model_of(first, order, prune=prune), model_of(second, other_order, prune=prune)]
    mixed, oracles = oracle_of(interpolate(models, [weight, 1 - weight])), [oracle_of(model) for model in models]
    listed = {ngram for oracle in oracles for ngram in oracle.log_probs}
    assert mixed.log_probs.keys() == listed
    for *context, word in listed - {("<s>",)}:
        expected = [prob(oracle, tuple(context), word) for oracle in oracles]
        found = 10 ** mixed.log_probs[(*context, word)]
        assert found == pytest.approx(weight * expected[0] + (1 - weight) * expected[1], rel=1e-4), (context, word)
    words = [word for (word,) in (ngram for ngram in listed if len(ngram) == 1) if word != "<s>"]
    for ngram in [(), *(ngram for ngram in listed if len(ngram) < max(order, other_order))]:
        total = sum(float(10 ** mixed.log10_prob(ngram, word)) for word in words)
        assert total == pytest.approx(1, abs=1e-3), ngram


def test_a_weight_of_one_is_the_model_itself() -> None:
    model, other = model_of([["a", "b", "a"], ["b"]], 3), model_of([["a", "c"], ["c", "b"]], 2)
    alone, same = interpolate([model, other], [1.0, 0.0]), interpolate([model, model], [0.25, 0.75])
    for mixed in (alone, same):
        for sentence in (["a", "b"], ["b", "b", "a"]):
            expected = perplexity(model, [sentence]).log_prob
            assert perplexity(mixed, [sentence]).log_prob == pytest.approx(expected, rel=1e-4)
    assert alone.vocabulary.words() == model.vocabulary.words()
    assert_equal_models(interpolate([model], [1.0]), interpolate([model, other], [1.0, 0.0]))


def walk(num_sentences: int, seed: int, likes_seed: int) -> Sentences:
    """A random walk over 20 words that likes some pairs."""
    rng, likes = np.random.default_rng(seed), np.random.default_rng(likes_seed).dirichlet(np.full(20, 0.2), size=20)
    sentences = []
    for _ in range(num_sentences):
        words = [int(rng.integers(20))]
        for _ in range(9):
            words.append(int(rng.choice(20, p=likes[words[-1]])))
        sentences.append([f"w{word}" for word in words])
    return sentences


def test_weights_are_those_of_the_least_perplexity() -> None:
    """Against a search over a fine grid; a text of two thirds of one kind wants about that weight."""
    models = [model_of(walk(200, seed=1, likes_seed=kind), 2) for kind in (1, 2)]
    held_out = walk(40, seed=5, likes_seed=1) + walk(20, seed=6, likes_seed=2)
    found = mixture_weights(models, held_out)

    probs = []
    for model in models:
        oracle = oracle_of(model)
        probs.append([10**log_prob for sentence in held_out for log_prob, _ in oracle.score(sentence)])
    first, second = np.array(probs)
    grid = np.linspace(0.001, 0.999, 999)
    best = grid[np.argmax([np.log(w * first + (1 - w) * second).mean() for w in grid])]
    assert found == [pytest.approx(best, abs=2e-3), pytest.approx(1 - best, abs=2e-3)]
    assert 0.55 < best < 0.8
    mixed = perplexity(interpolate(models, found), held_out).with_unknown
    assert mixed < min(perplexity(model, held_out).with_unknown for model in models)
    assert mixed == pytest.approx(math.exp(-np.log(best * first + (1 - best) * second).mean()), rel=0.02)


def test_words_of_neither_model_do_not_count() -> None:
    models = [model_of([["a"], ["a", "b"]], 2), model_of([["b"], ["c", "b"]], 2)]
    weights = mixture_weights(models, [["a", "a"]])
    assert mixture_weights(models, [["a", "a"]]) == weights
    assert weights[0] > 0.9
    with pytest.raises(LanguageModelError, match="found none"):
        mixture_weights(models, [])
    with pytest.raises(LanguageModelError, match="found none"):
        mixture_weights([], [["a"]])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.5], "found 1 weights for 2 models"),
        ([0.5, 0.6], "the weights are 0.5, 0.6; expected numbers of 0 or more whose sum is 1"),
        ([1.5, -0.5], "the weights are 1.5, -0.5"),
        ([math.nan, 1.0], "the weights are nan, 1"),
    ],
)
def test_weights_that_are_none_are_refused(weights: Sequence[float], message: str) -> None:
    model = model_of([["a"]], 2)
    with pytest.raises(LanguageModelError, match=message):
        interpolate([model, model], weights)
