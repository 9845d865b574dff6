"""Tensor search, against the search of one utterance at a time and against the scores of whole texts by hand."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.errors import SearchError
from asr.lm.ngram import NGramModel, NGramTable
from asr.search import Fusion, FusionSettings, Hypothesis
from asr.search.batched.beam import tensor_beam_search
from asr.search.batched.fusion import TensorTables
from asr.search.batched.step import Frame, empty_prefix, next_beams
from asr.search.prefix_beam import prefix_beam_search
from asr.tokens import Tokens, TokenSettings
from benchmarks.ctc_like import ctc_like_log_probs
from tests.support.fusion_oracle import (
    CHARACTERS,
    HOTWORDS,
    PIECES,
    acoustic_scores,
    assert_same_scores,
    bigram_model,
    expected_scores,
    fusion_settings,
    hotword_bonus,
    random_log_probs,
    written,
)
from tests.support.log_probs import log_of, log_softmax

ALL = 400  # more than any exhaustive case here has prefixes
LONG_PIECES = ["<blank>", "<unk>", "\u2581", "A", "B", "AB", "\u2581BA", "BAB", "ABBA", "\u2581A"]
ODD_PIECES = ["<blank>", "A\u2581B", "BB\u2581", "\u2581A\u2581\u2581B"]  # boundaries everywhere
few_examples = settings(max_examples=15)


def trigram_model(units: Sequence[str], seed: int) -> NGramModel:
    """A 3-gram of random numbers over these words: about a third of all pairs and, after these, of all words."""
    words = ["<unk>", "<s>", "</s>", *units]
    generator = np.random.default_rng(seed)
    contexts: list[tuple[int, ...]] = [()]
    tables = []
    for length in (1, 2, 3):
        every = sorted((*context, word) for context in contexts for word in range(len(words)))
        contexts = [ngram for ngram in every if length == 1 or generator.random() < 0.35]
        log_probs = generator.uniform(-3.0, -0.2, len(contexts)).astype(np.float32)
        backoffs = generator.uniform(-1.0, 0.2, len(contexts)).astype(np.float32) * (length < 3)
        tables.append(NGramTable(np.array(contexts, np.int32), log_probs, backoffs))
    return NGramModel.from_ngrams(words, tables)


WORD_MODEL = trigram_model(["A", "B", "AB", "BA", "ABB", "BAAB"], 0)
TOKEN_MODEL = trigram_model(LONG_PIECES[2:], 1)
FUSIONS = {
    "none": None,
    "word": Fusion(LONG_PIECES, WORD_MODEL),
    "lexicon": Fusion(LONG_PIECES, WORD_MODEL, settings=FusionSettings(unit="lexicon"), lexicon=["BAB"]),
    "token": Fusion(LONG_PIECES, TOKEN_MODEL, settings=FusionSettings(unit="token")),
    "hot words": Fusion(LONG_PIECES, hotwords=HOTWORDS),
    "both": Fusion(LONG_PIECES, WORD_MODEL, settings=FusionSettings(alpha=1.2, beta=-0.4), hotwords=HOTWORDS),
}


def random_batch(lengths: Sequence[int], vocab: int, seed: int, spread: float = 2.0) -> list[np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    return [log_softmax(spread * torch.randn(length, vocab, generator=generator)) for length in lengths]


def search_batch(batch: Sequence[np.ndarray], device: str = "cpu", **options: Any) -> list[list[Hypothesis]]:
    """All at once; beyond the end of an utterance there is nothing that could be used."""
    tensors = [torch.from_numpy(log_probs).to(device) for log_probs in batch]
    padded = torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=math.nan)
    return tensor_beam_search(padded, torch.tensor([len(log_probs) for log_probs in batch]), **options)


def assert_same(found: Sequence[Hypothesis], expected: Sequence[Hypothesis]) -> None:
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-6)
    assert [h.fusion_score for h in found] == pytest.approx([h.fusion_score for h in expected], abs=1e-6)
    assert [h.tokens for h in found] == [h.tokens for h in expected]
    assert [h.frames for h in found] == [h.frames for h in expected]


def assert_same_as_one_by_one(batch: Sequence[np.ndarray], **options: Any) -> None:
    found = search_batch(batch, **options)
    assert len(found) == len(batch)
    for utterance, log_probs in zip(found, batch, strict=True):
        assert_same(utterance, prefix_beam_search(log_probs, **options))


@pytest.mark.parametrize("beam_width", [1, 3, 40])
@pytest.mark.parametrize("fusion", FUSIONS.values(), ids=FUSIONS)
def test_the_same_as_one_utterance_at_a_time(fusion: Fusion | None, beam_width: int) -> None:
    tables = None if fusion is None else fusion.tables
    batch = random_batch([60, 0, 23, 1], len(LONG_PIECES), seed=beam_width)
    assert_same_as_one_by_one(batch, beam_width=beam_width, num_best=beam_width, fusion=tables)


@pytest.mark.parametrize(
    "options",
    [{"max_tokens": 1}, {"max_tokens": 7}, {"beam_threshold": 2.0}, {"max_tokens": 12, "beam_threshold": 5.0}, {}],
    ids=str,
)
def test_the_same_prefixes_are_pruned(options: dict[str, Any]) -> None:
    batch = random_batch([50, 11, 80], 30, seed=1)
    assert_same_as_one_by_one(batch, beam_width=20, num_best=20, **options)


def test_a_threshold_drops_what_the_search_one_by_one_drops_with_fusion_too() -> None:
    batch = random_batch([50, 11, 80], len(LONG_PIECES), seed=2)
    tables = FUSIONS["both"].tables
    assert_same_as_one_by_one(batch, beam_width=20, num_best=20, beam_threshold=1.5, fusion=tables)


batches = st.lists(random_log_probs(), min_size=1, max_size=3)


@pytest.mark.parametrize("pieces", [CHARACTERS, PIECES, ODD_PIECES], ids=["characters", "pieces", "odd pieces"])
@few_examples
@given(batch=batches, weights=fusion_settings)
def test_a_wide_beam_gives_every_text_its_exact_score(
    pieces: list[str], batch: list[np.ndarray], weights: FusionSettings
) -> None:
    expected = [expected_scores(log_probs, pieces, weights) for log_probs in batch]
    if not all(expected):  # the lexicon has no whole word that fits
        return
    tables = Fusion(pieces, bigram_model(), settings=weights).tables
    for found, scores in zip(search_batch(batch, beam_width=ALL, num_best=ALL, fusion=tables), expected, strict=True):
        assert_same_scores(found, scores)


@pytest.mark.parametrize("pieces", [PIECES, ODD_PIECES], ids=["pieces", "odd pieces"])
@few_examples
@given(batch=batches)
def test_hot_words_add_what_the_phrases_that_are_found_weigh(pieces: list[str], batch: list[np.ndarray]) -> None:
    tables = Fusion(pieces, hotwords=HOTWORDS).tables
    found = search_batch(batch, beam_width=ALL, num_best=ALL, fusion=tables)
    for utterance, log_probs in zip(found, batch, strict=True):
        acoustic = acoustic_scores(log_probs)
        assert_same_scores(utterance, {t: a + hotword_bonus(written(t, pieces)) for t, a in acoustic.items()})


@few_examples
@given(batch=batches, beam_width=st.integers(1, 5))
def test_a_narrow_beam_never_claims_more_than_the_exact_score(batch: list[np.ndarray], beam_width: int) -> None:
    tables = Fusion(PIECES, bigram_model()).tables
    found = search_batch(batch, beam_width=beam_width, num_best=beam_width, fusion=tables)
    for utterance, log_probs in zip(found, batch, strict=True):
        expected = expected_scores(log_probs, PIECES, FusionSettings())
        assert 1 <= len(utterance) <= beam_width
        assert len({h.tokens for h in utterance}) == len(utterance)
        for hypothesis in utterance:
            assert hypothesis.score <= expected[hypothesis.tokens] + 1e-5


def test_neither_the_batch_nor_its_order_changes_a_result() -> None:
    batch = random_batch([12, 5, 31, 0, 31, 2], len(LONG_PIECES), seed=3)
    options: dict[str, Any] = {"beam_width": 8, "num_best": 8, "fusion": FUSIONS["both"].tables}
    together = search_batch(batch, **options)
    for log_probs, found, backwards in zip(batch, together, search_batch(batch[::-1], **options)[::-1], strict=True):
        assert_same(found, backwards)
        assert_same(found, search_batch([log_probs], **options)[0])


def test_speech_of_a_larger_vocabulary() -> None:
    """Whole sentences in pieces of sentencepiece, with a 3-gram of their words: texts, scores and times."""
    verbs = ("saw", "heard")
    texts = [f"the {a} that {verb} no {b}" for a in ("cat", "bird", "fish") for verb in verbs for b in ("cat", "song")]
    tokens, _ = Tokens.train(texts, TokenSettings(kind="bpe", vocab_size=40))
    model = trigram_model(sorted({word for text in texts for word in text.split()}), 2)
    generator = np.random.default_rng(0)
    batch = [ctc_like_log_probs(tokens.encode(text), len(tokens), generator, confusion=0.6) for text in texts]
    for unit in ("word", "lexicon"):
        tables = Fusion(tokens.pieces, model, settings=FusionSettings(unit=unit), hotwords={"no song": 0.5}).tables
        assert_same_as_one_by_one(batch, beam_width=16, num_best=4, beam_threshold=25.0, fusion=tables)


def test_tables_that_were_put_onto_the_device_before() -> None:
    batch, tables = random_batch([20, 9], len(LONG_PIECES), seed=4), FUSIONS["lexicon"].tables
    before = search_batch(batch, beam_width=5, fusion=TensorTables.of(tables, "cpu"))
    assert before == search_batch(batch, beam_width=5, fusion=tables)


@pytest.mark.parametrize("fusion", FUSIONS.values(), ids=FUSIONS)
def test_a_frame_never_waits_for_the_device(fusion: Fusion | None) -> None:
    """Tensors on the device "meta" have no values: whatever asks for one, or for a shape that depends on one, fails."""
    tables = TensorTables.of((fusion or Fusion(LONG_PIECES)).tables, "meta")
    frame = Frame(
        row=torch.empty(2, 10, dtype=torch.float64, device="meta"),
        tokens=torch.empty(2, 6, dtype=torch.int64, device="meta"),
        token_log_probs=torch.empty(2, 6, dtype=torch.float64, device="meta"),
    )
    beams = empty_prefix(2, 4, tables, torch.device("meta"))
    after, _ = next_beams(beams, frame, tables, 5.0, torch.empty(4, dtype=torch.int64, device="meta"))
    assert [(field.shape, field.dtype) for field in after] == [(field.shape, field.dtype) for field in beams]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that CUDA knows")
@pytest.mark.parametrize("fusion", FUSIONS.values(), ids=FUSIONS)
def test_a_gpu_finds_what_the_cpu_finds(fusion: Fusion | None) -> None:
    batch = random_batch([60, 0, 23, 1], len(LONG_PIECES), seed=5)
    options: dict[str, Any] = {"beam_width": 8, "num_best": 8, "fusion": None if fusion is None else fusion.tables}
    found = search_batch(batch, "cuda", **options)
    for utterance, expected in zip(found, search_batch(batch, **options), strict=True):
        assert_same(utterance, expected)


def test_no_utterances_and_no_frames() -> None:
    assert tensor_beam_search(torch.zeros(0, 5, 3), torch.zeros(0, dtype=torch.int64), beam_width=2) == []
    for [best] in tensor_beam_search(torch.zeros(2, 0, 3), torch.tensor([0, 0]), beam_width=2):
        assert (best.tokens, best.score, best.frames) == ((), 0.0, ())


def test_a_vocabulary_of_nothing_but_the_blank() -> None:
    [[best]] = tensor_beam_search(torch.zeros(1, 4, 1), torch.tensor([4]), beam_width=3)
    assert (best.tokens, best.score) == ((), 0.0)


def test_impossible_tokens_are_no_hypotheses() -> None:
    log_probs = log_of([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    [found] = search_batch([log_probs], beam_width=9, num_best=9)
    assert [(h.tokens, h.score, h.frames) for h in found] == [((1,), 0.0, (0,))]


SURE_OF_B = log_of([[0.0, 0.0, 0.0, 1.0]] * 3)


def test_half_a_word_is_better_than_nothing_but_no_better_than_a_word() -> None:
    """B is only the beginning of BA; AB is a word. Each utterance of the batch is judged by itself."""
    tables = Fusion(CHARACTERS, bigram_model(), settings=FusionSettings(unit="lexicon")).tables
    either = log_of([[0.0, 0.0, 0.1, 0.9]] * 3)
    found = search_batch([SURE_OF_B, either], beam_width=4, fusion=tables)
    assert [best.tokens for [best] in found] == [(3,), (2, 3)]


def test_what_makes_no_sense_is_refused() -> None:
    batch = torch.zeros(2, 3, 4).log_softmax(-1)
    lengths = torch.tensor([3, 3])
    with pytest.raises(SearchError, match="expected one or more"):
        tensor_beam_search(batch, lengths, beam_width=0)
    for wrong in ([3, 4], [-1, 3]):
        with pytest.raises(SearchError, match="expected numbers from 0 to 3"):
            tensor_beam_search(batch, torch.tensor(wrong), beam_width=2)
    with pytest.raises(SearchError, match="sum to 4"):
        tensor_beam_search(torch.zeros(2, 3, 4), lengths, beam_width=2)
    with pytest.raises(SearchError, match="4 tokens a frame, the fusion was made for 10"):
        tensor_beam_search(batch, lengths, beam_width=2, fusion=FUSIONS["word"].tables)


def test_a_lexicon_that_can_spell_nothing_is_said_so() -> None:
    unigrams = {"<unk>": (-1, 0), "<s>": (-9, 0), "</s>": (-1, 0), "A": (-1, 0)}
    model = bigram_model(list(unigrams), unigrams, {})
    tables = Fusion(CHARACTERS, model, settings=FusionSettings(unit="lexicon")).tables
    with pytest.raises(SearchError, match="utterance 1 of the batch: no text that the lexicon can spell"):
        search_batch([np.full((2, 4), -math.log(4)), SURE_OF_B], beam_width=4, fusion=tables)
