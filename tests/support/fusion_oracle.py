"""What fusion has to add to the scores of whole texts, by hand: a bigram model of three words, and hot words."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise, product
from typing import TypeAlias

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from asr.lm.ngram import NGramModel, NGramTable
from asr.search import FusionSettings, Hypothesis
from tests.support.log_probs import log_softmax

Scores: TypeAlias = dict[tuple[int, ...], float]  # of texts, as natural logs

CHARACTERS = ["<blank>", "\u2581", "A", "B"]
PIECES = ["<blank>", "\u2581A", "B", "\u2581BA"]
WORDS = ["<unk>", "<s>", "</s>", "A", "AB", "BA"]
# log10 of words alone and their back-off weights, and of words after a word.
UNIGRAMS = {
    "<unk>": (-1.6, 0),
    "<s>": (-9, -0.3),
    "</s>": (-0.7, 0),
    "A": (-0.4, -0.2),
    "AB": (-0.9, -0.5),
    "BA": (-1.1, 0),
}
BIGRAMS = {("<s>", "AB"): -0.3, ("A", "</s>"): -0.2, ("A", "BA"): -0.1, ("AB", "A"): -0.25, ("AB", "AB"): -1.5}


def bigram_model(
    words: Sequence[str] = tuple(WORDS),
    unigrams: Mapping[str, tuple[float, float]] = UNIGRAMS,
    bigrams: Mapping[tuple[str, str], float] = BIGRAMS,
) -> NGramModel:
    """Of log10 probabilities of words alone, with their back-off weights, and of words after a word."""
    log10 = math.log(10)
    ids = {word: i for i, word in enumerate(words)}
    ones = NGramTable(
        np.arange(len(words), dtype=np.int32)[:, None],
        np.array([unigrams[w][0] * log10 for w in words], np.float32),
        np.array([unigrams[w][1] * log10 for w in words], np.float32),
    )
    rows = sorted((ids[a], ids[b], value * log10) for (a, b), value in bigrams.items())
    twos = NGramTable(
        np.array([row[:2] for row in rows], np.int32).reshape(-1, 2),
        np.array([row[2] for row in rows], np.float32),
        np.zeros(len(rows), np.float32),
    )
    return NGramModel.from_ngrams(list(words), [ones, twos])


def lm_log_prob(sentence: Sequence[str]) -> tuple[float, int]:
    """The natural-log probability of words and the end, and the number of letters of unknown ones."""
    total = 0.0
    unknown = sum(len(word) for word in sentence if word not in UNIGRAMS)
    known = [word if word in UNIGRAMS else "<unk>" for word in sentence]
    for before, word in pairwise(["<s>", *known, "</s>"]):
        pair = BIGRAMS.get((before, word))
        total += pair if pair is not None else UNIGRAMS[before][1] + UNIGRAMS[word][0]
    return total * math.log(10), unknown


def written(tokens: Sequence[int], pieces: Sequence[str]) -> list[str]:
    """The words that tokens write."""
    return "".join(pieces[t] for t in tokens).replace("\u2581", " ").split()


def acoustic_scores(log_probs: np.ndarray) -> Scores:
    """The log-probability of every token sequence, over all its paths."""
    totals: Scores = {}
    rows = log_probs.tolist()
    for path in product(range(log_probs.shape[1]), repeat=len(rows)):
        tokens = tuple(token for token, _ in groupby(path) if token)
        totals[tokens] = totals.get(tokens, 0.0) + math.exp(sum(r[t] for r, t in zip(rows, path, strict=True)))
    return {tokens: math.log(total) for tokens, total in totals.items() if total > 0}


@st.composite
def random_log_probs(draw: st.DrawFn) -> np.ndarray:
    """Up to 5 frames of 4 tokens; some tokens have probability zero."""
    num_frames = draw(st.integers(0, 5))
    logits = st.floats(-4, 4) | st.just(-math.inf)
    row = st.lists(logits, min_size=4, max_size=4).filter(lambda values: max(values) > -math.inf)
    rows = draw(st.lists(row, min_size=num_frames, max_size=num_frames))
    return log_softmax(torch.tensor(rows, dtype=torch.float64).reshape(num_frames, 4))


fusion_settings = st.builds(
    FusionSettings,
    unit=st.sampled_from(["word", "lexicon"]),
    alpha=st.floats(0, 3),
    beta=st.floats(-3, 3),
    unknown_penalty=st.floats(-6, 0),
)


def expected_scores(log_probs: np.ndarray, pieces: Sequence[str], settings: FusionSettings) -> Scores:
    """The score of every text that is allowed."""
    scores: Scores = {}
    for tokens, acoustic in acoustic_scores(log_probs).items():
        words = written(tokens, pieces)
        log_prob, unknown = lm_log_prob(words)
        if unknown and settings.unit == "lexicon":
            continue
        bonus = settings.beta * len(words) + settings.unknown_penalty * unknown
        scores[tokens] = acoustic + settings.alpha * log_prob + bonus
    return scores


def assert_same_scores(found: Sequence[Hypothesis], expected: Scores) -> None:
    assert [h.tokens for h in found] == sorted(expected, key=lambda t: (-expected[t], t)) or has_ties(expected)
    assert {h.tokens: h.score for h in found} == pytest.approx(expected, abs=1e-5)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


def has_ties(scores: Scores) -> bool:
    """Whether two texts score the same, so that their order is left to rounding."""
    ordered = sorted(scores.values())
    return any(b - a <= 1e-9 for a, b in pairwise(ordered))


HOTWORDS = {"A": 0.7, "A B": 1.1, "BAB": 2.0, "B A B": -0.4}


def hotword_bonus(words: Sequence[str]) -> float:
    bonus = 0.0
    for phrase, weight in HOTWORDS.items():
        target = phrase.split()
        starts = range(len(words) - len(target) + 1)
        bonus += weight * len("".join(target)) * sum(words[i : i + len(target)] == target for i in starts)
    return bonus
