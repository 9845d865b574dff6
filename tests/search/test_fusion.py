"""Search with a language model and hot words, against the sum over every path and the scores of whole texts by hand."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.errors import LanguageModelError, SearchError
from asr.search import Fusion, FusionSettings, SearchSettings, search, search_batch
from asr.search.prefix_beam import prefix_beam_search
from tests.support.fusion_oracle import (
    CHARACTERS,
    HOTWORDS,
    PIECES,
    UNIGRAMS,
    WORDS,
    acoustic_scores,
    assert_same_scores,
    bigram_model,
    expected_scores,
    fusion_settings,
    hotword_bonus,
    lm_log_prob,
    random_log_probs,
    written,
)
from tests.support.log_probs import log_of, long_log_probs

ALL = 3_000  # more than any case here has prefixes


@pytest.mark.parametrize("pieces", [CHARACTERS, PIECES], ids=["characters", "pieces"])
@given(log_probs=random_log_probs(), settings=fusion_settings)
def test_a_wide_beam_gives_every_text_its_exact_score(
    pieces: list[str], log_probs: np.ndarray, settings: FusionSettings
) -> None:
    expected = expected_scores(log_probs, pieces, settings)
    fusion = Fusion(pieces, bigram_model(), settings=settings)
    if not expected:  # the lexicon has no whole word that fits
        return
    found = prefix_beam_search(log_probs, beam_width=ALL, num_best=ALL, fusion=fusion.tables)
    assert_same_scores(found, expected)
    acoustic = acoustic_scores(log_probs)
    for hypothesis in found:
        assert hypothesis.score - hypothesis.fusion_score == pytest.approx(acoustic[hypothesis.tokens], abs=1e-6)


TOKEN_WORDS = ["<unk>", "<s>", "</s>", "\u2581", "A", "B"]
TOKEN_UNIGRAMS = dict(
    zip(TOKEN_WORDS, [(-2, 0), (-9, -0.3), (-0.7, 0), (-0.4, -0.2), (-0.9, -0.5), (-1.1, -0.1)], strict=True)
)
TOKEN_BIGRAMS = {("<s>", "A"): -0.3, ("A", "</s>"): -0.2, ("A", "B"): -0.1, ("B", "B"): -0.25, ("\u2581", "A"): -1.5}


@given(log_probs=random_log_probs(), alpha=st.floats(0, 3), beta=st.floats(-3, 3))
def test_a_language_model_of_tokens(log_probs: np.ndarray, alpha: float, beta: float) -> None:
    expected = {}
    for tokens, acoustic in acoustic_scores(log_probs).items():
        units = ["<s>", *(CHARACTERS[t] for t in tokens), "</s>"]
        total = sum(
            TOKEN_BIGRAMS.get(pair, TOKEN_UNIGRAMS[pair[0]][1] + TOKEN_UNIGRAMS[pair[1]][0]) for pair in pairwise(units)
        )
        expected[tokens] = acoustic + alpha * total * math.log(10) + beta * len(tokens)
    settings = FusionSettings(unit="token", alpha=alpha, beta=beta)
    fusion = Fusion(CHARACTERS, bigram_model(TOKEN_WORDS, TOKEN_UNIGRAMS, TOKEN_BIGRAMS), settings=settings)
    assert_same_scores(prefix_beam_search(log_probs, beam_width=ALL, num_best=ALL, fusion=fusion.tables), expected)


@pytest.mark.parametrize("pieces", [CHARACTERS, PIECES], ids=["characters", "pieces"])
@given(log_probs=random_log_probs())
def test_hot_words_add_what_the_phrases_that_are_found_weigh(pieces: list[str], log_probs: np.ndarray) -> None:
    expected = {t: a + hotword_bonus(written(t, pieces)) for t, a in acoustic_scores(log_probs).items()}
    fusion = Fusion(pieces, hotwords=HOTWORDS)
    assert_same_scores(prefix_beam_search(log_probs, beam_width=ALL, num_best=ALL, fusion=fusion.tables), expected)


@given(log_probs=random_log_probs())
def test_hot_words_with_a_language_model_need_no_place_in_its_vocabulary(log_probs: np.ndarray) -> None:
    settings = FusionSettings(unit="lexicon", alpha=0.8, beta=0.3)
    expected = {}
    for tokens, acoustic in acoustic_scores(log_probs).items():
        words = written(tokens, CHARACTERS)
        log_prob, _ = lm_log_prob(words)
        if all(word in {*WORDS, "BAB", "B"} for word in words):
            expected[tokens] = acoustic + 0.8 * log_prob + 0.3 * len(words) + hotword_bonus(words)
    fusion = Fusion(CHARACTERS, bigram_model(), settings=settings, hotwords=HOTWORDS)
    if expected:
        assert_same_scores(prefix_beam_search(log_probs, beam_width=ALL, num_best=ALL, fusion=fusion.tables), expected)


@given(log_probs=random_log_probs(), beam_width=st.integers(1, 5), settings=fusion_settings)
def test_a_narrow_beam_never_claims_more_than_the_exact_score(
    log_probs: np.ndarray, beam_width: int, settings: FusionSettings
) -> None:
    expected = expected_scores(log_probs, CHARACTERS, settings.model_copy(update={"unit": "word"}))
    fusion = Fusion(CHARACTERS, bigram_model(), settings=settings.model_copy(update={"unit": "word"}))
    found = prefix_beam_search(log_probs, beam_width=beam_width, num_best=beam_width, fusion=fusion.tables)
    assert 1 <= len(found) <= beam_width
    assert len({h.tokens for h in found}) == len(found)
    for hypothesis in found:
        assert hypothesis.score <= expected[hypothesis.tokens] + 1e-5


def test_the_text_is_the_same_for_every_batch_size_and_order(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = [long_log_probs(30 + 7 * seed, seed) for seed in range(9)]
    settings, fusion = SearchSettings(method="beam", beam_width=8), Fusion(CHARACTERS, bigram_model())
    alone = [search(log_probs, settings, fusion) for log_probs in batch]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert [best for [best] in search_batch(batch, settings, fusion)] == alone
    assert [best for [best] in search_batch(batch[::-1], settings, fusion)] == alone[::-1]


def test_a_lexicon_that_can_spell_nothing_is_said_so() -> None:
    log_probs = log_of([[0.0, 0.0, 0.0, 1.0]] * 3)  # nothing but B
    fusion = Fusion(
        CHARACTERS, bigram_model(["<unk>", "<s>", "</s>", "A"], UNIGRAMS, {}), settings=FusionSettings(unit="lexicon")
    )
    with pytest.raises(SearchError, match="no text that the lexicon can spell"):
        prefix_beam_search(log_probs, beam_width=4, fusion=fusion.tables)


def test_half_a_word_is_better_than_nothing() -> None:
    log_probs = log_of([[0.0, 0.0, 0.0, 1.0]] * 3)  # B, of which the lexicon has only the beginning of BA
    fusion = Fusion(CHARACTERS, bigram_model(), settings=FusionSettings(unit="lexicon"))
    [best] = prefix_beam_search(log_probs, beam_width=4, fusion=fusion.tables)
    assert best.tokens == (3,)


def test_other_characters_and_other_tokens_are_refused() -> None:
    lower = ["<unk>", "<s>", "</s>", "a", "ab"]
    model = bigram_model(lower, dict.fromkeys(lower, (-1, 0)), {})
    with pytest.raises(LanguageModelError, match=r"only 0 of the 2 words .* not 'a'"):
        Fusion(CHARACTERS, model)
    with pytest.raises(LanguageModelError, match="counts words, as none of its vocabulary has"):
        Fusion(CHARACTERS, model, settings=FusionSettings(unit="token"))
    with pytest.raises(SearchError, match="5 tokens a frame, the fusion was made for 4"):
        prefix_beam_search(long_log_probs(3, 0, vocab=5), beam_width=2, fusion=Fusion(CHARACTERS).tables)


@pytest.mark.parametrize(
    ("hotwords", "message"),
    [
        ({"ABC": 1.0}, r"'ABC' has 'C' \(U\+0043\)"),
        ({" ": 1.0}, "a hot word is empty"),
        ({"A": math.nan}, "the weight of the hot word 'A' is nan"),
        ({"A": math.inf}, "expected a number"),
        ({"A": -1e6}, "of at most 100, such as 1.5"),
        ({"A": 1e300}, "of at most 100, such as 1.5"),
    ],
)
def test_hot_words_that_make_no_sense_are_refused(hotwords: dict[str, Any], message: str) -> None:
    with pytest.raises(SearchError, match=message):
        Fusion(CHARACTERS, hotwords=hotwords)


def test_a_vocabulary_of_one_word() -> None:
    words = ["<unk>", "<s>", "</s>", "A"]
    fusion = Fusion(CHARACTERS, bigram_model(words, UNIGRAMS, {}), settings=FusionSettings(unit="lexicon"))
    [best] = prefix_beam_search(long_log_probs(20, 3), beam_width=8, fusion=fusion.tables)
    assert set(written(best.tokens, CHARACTERS)) == {"A"}
