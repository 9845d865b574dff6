"""Search at its limits: ties without end, numbers beyond all reason, words that nothing writes, and many threads."""

import inspect
import math
from functools import partial

import numba
import numpy as np
import pytest
import torch

from asr.errors import SearchError
from asr.search import Fusion, FusionSettings, Hypothesis
from asr.search.batched.beam import tensor_beam_search
from asr.search.greedy import GreedyStream, greedy_search
from asr.search.kernel.beams import scale
from asr.search.kernel.state import BEAM
from asr.search.prefix_beam import prefix_beam_search, search_in_parallel
from tests.support.fusion_oracle import CHARACTERS, UNIGRAMS, WORDS, bigram_model, written
from tests.support.log_probs import gaussian_log_probs, log_of, long_log_probs

# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("num_tokens", "beam_width"), [(1, 3), (2, 1), (6, 1), (30, 4), (100, 2)])
def test_frames_that_say_nothing(num_tokens: int, beam_width: int) -> None:
    even = log_of(np.full((6, num_tokens), 1 / num_tokens))
    found = prefix_beam_search(even, beam_width=beam_width, num_best=beam_width)
    assert len({hypothesis.tokens for hypothesis in found}) == (beam_width if num_tokens > 1 else 1)


def test_of_equals_all_stay_that_the_beam_has_room_for() -> None:
    log_probs = log_of([[0.1, 0.3, 0.3, 0.3]])
    found = prefix_beam_search(log_probs, beam_width=5, num_best=5, beam_threshold=1e-20)
    assert [hypothesis.tokens for hypothesis in found] == [(1,), (2,), (3,)]


@pytest.mark.parametrize("beam_threshold", [0.0, -1e9, math.nan])
def test_a_threshold_that_nothing_can_be_within_is_refused(beam_threshold: float) -> None:
    with pytest.raises(SearchError, match=r"beam_threshold is .*; expected nats, more than 0"):
        prefix_beam_search(gaussian_log_probs(3, 3, 0), beam_width=2, beam_threshold=beam_threshold)


def test_a_beam_that_no_memory_holds_is_refused() -> None:
    with pytest.raises(SearchError, match="beam of 1000000000000 takes more memory than there is"):
        prefix_beam_search(gaussian_log_probs(3, 3, 0), beam_width=10**12)


def test_that_nothing_is_left_of_the_likeliest_paths_is_no_division_by_zero() -> None:
    beams = np.zeros(2, BEAM)
    beams["last"] = [4.0, 1.0]
    assert call_scale(beams, 2) == 4.0
    assert beams["last"].tolist() == [1.0, 0.25]
    assert not beams["best_last"].any()


@numba.njit
def call_scale(beams: np.ndarray, num_beams: int) -> float:
    return scale(beams, num_beams)


# --- words ------------------------------------------------------------------------------------------------------------


def test_words_that_cannot_be_written_do_not_count_against_the_language_model() -> None:
    model = bigram_model(["<unk>", "<s>", "</s>", "A"], UNIGRAMS, {})
    dictionary = ["A", "A\nB\n", "A\u00a0B", "\u2581A", "\ud800", "1", "b", "", " "]
    fusion = Fusion(CHARACTERS, model, settings=FusionSettings(unit="lexicon"), lexicon=dictionary)
    [best] = prefix_beam_search(long_log_probs(20, 3), beam_width=8, fusion=fusion.tables)
    assert set(written(best.tokens, CHARACTERS)) == {"A"}
    empty = bigram_model(["<unk>", "<s>", "</s>"], UNIGRAMS, {})
    fusion = Fusion(CHARACTERS, empty, settings=FusionSettings(unit="lexicon"), lexicon=["AB", "1"])
    [best] = prefix_beam_search(long_log_probs(20, 3), beam_width=8, fusion=fusion.tables)
    assert set(written(best.tokens, CHARACTERS)) == {"AB"}


def test_words_of_a_model_need_not_all_be_written() -> None:
    """White space that is none to ARPA, digits and lower case, beside words that can be."""
    odd = ["A\u00a0B", "a", "A1"]
    words = [*WORDS, "B", "AA", *odd]
    unigrams = UNIGRAMS | dict.fromkeys(["B", "AA", *odd], (-0.1, 0))
    tables = [Fusion(CHARACTERS, bigram_model(w, unigrams, {})).tables for w in (words, [*WORDS, "B", "AA"])]
    for seed in range(5):
        batch = [prefix_beam_search(long_log_probs(15, seed), beam_width=20, num_best=20, fusion=t) for t in tables]
        assert batch[0] == batch[1]


def test_a_piece_may_finish_a_word_and_end_it_at_once() -> None:
    """The lexicon has no word A, so none may end before the piece that makes it AB."""
    model = bigram_model(["<unk>", "<s>", "</s>", "AB"], UNIGRAMS, {})
    fusion = Fusion(["<blank>", "\u2581A", "B\u2581"], model, settings=FusionSettings(unit="lexicon"))
    log_probs = log_of(np.eye(3)[[1, 2]])
    [best] = prefix_beam_search(log_probs, beam_width=4, fusion=fusion.tables)
    assert best.tokens == (1, 2)


def test_gains_beyond_all_reason_leave_numbers() -> None:
    """Words that are next to impossible, but for a bigram that takes all of that back at the end of the word."""
    words = ["<unk>", "<s>", "</s>", "A", "AB", "ABB"]
    unigrams = UNIGRAMS | {"A": (-0.1, 0), "AB": (-17, 0), "ABB": (-34, 0)}
    log_probs = log_of(np.eye(4)[[2, 3, 0, 3, 1, 2]])
    fusion = Fusion(
        CHARACTERS,
        bigram_model(words, unigrams, {("<s>", "ABB"): -0.1}),
        settings=FusionSettings(unit="lexicon", alpha=10.0, beta=0.0),
    )
    [best] = prefix_beam_search(log_probs, beam_width=4, fusion=fusion.tables)
    assert best.tokens == (2, 3, 3, 1, 2)
    assert math.isfinite(best.score)


@pytest.mark.parametrize(
    ("tokens", "log10_of_words"),
    [
        ([3], -0.3 - 100 - 0.7),  # B: <s> backs off (-0.3) to <unk>, and the end (-0.7) follows
        ([3, 1, 2], -0.3 - 100 - 0.4 - 0.2),  # B A: a boundary ends the word, then A (-0.4) and the end after it (-0.2)
    ],
)
def test_a_text_that_costs_more_than_a_factor_can_hold_has_its_exact_score(
    tokens: list[int], log10_of_words: float
) -> None:
    """An unknown word at 3.3 times -100 (log10) is 760 nats, whose exponential is zero. By hand, and in tensors."""
    unigrams = UNIGRAMS | {"<unk>": (-100, 0)}
    fusion = Fusion(CHARACTERS, bigram_model(unigrams=unigrams), settings=FusionSettings(alpha=3.3, beta=0.0))
    log_probs = log_of(np.eye(4)[[*tokens, 0]])
    [best] = prefix_beam_search(log_probs, beam_width=4, fusion=fusion.tables)
    assert (best.tokens, best.frames) == (tuple(tokens), tuple(range(len(tokens))))
    # the one unknown letter costs -1.5 nats more
    assert best.score == best.fusion_score == pytest.approx(3.3 * math.log(10) * log10_of_words - 1.5, rel=1e-6)
    lengths = torch.tensor([len(log_probs)])
    [[other]] = tensor_beam_search(torch.tensor(log_probs[None]), lengths, beam_width=4, fusion=fusion.tables)
    assert (other.tokens, other.frames) == (best.tokens, best.frames)
    assert best.score == pytest.approx(other.score, rel=1e-12)


def test_what_only_a_wider_beam_finds_is_found() -> None:
    """At first the only word, AB, is so unlikely that a beam of one drops it for the silence that ends in nothing."""
    model = bigram_model(["<unk>", "<s>", "</s>", "AB"], UNIGRAMS | {"AB": (-1, 0)}, {})
    fusion = Fusion(CHARACTERS, model, settings=FusionSettings(unit="lexicon")).tables
    log_probs = log_of([[0.9, 0, 0.1, 0], [0, 0, 0, 1]])
    wide = prefix_beam_search(log_probs, beam_width=8, fusion=fusion)
    assert wide[0].tokens == (2, 3)
    for beam_width in (1, 2000):
        [best] = prefix_beam_search(log_probs, beam_width=beam_width, max_tokens=1, fusion=fusion)
        assert (best.tokens, best.frames) == (wide[0].tokens, wide[0].frames)
        assert best.score == pytest.approx(wide[0].score)


# --- types ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_log_probs_may_be_of_any_float_type(dtype: torch.dtype) -> None:
    """A bfloat16, which NumPy does not know, rounds by up to 0.4 %: their probabilities do not sum to one any more."""
    log_probs = torch.randn(30, 500, generator=torch.Generator().manual_seed(0)).log_softmax(dim=1).to(dtype)
    exact = log_probs.double().log_softmax(dim=1)
    [expected] = prefix_beam_search(exact.numpy(), beam_width=8)
    [[in_tensors]] = tensor_beam_search(log_probs[None], torch.tensor([30]), beam_width=8)
    assert in_tensors.tokens == expected.tokens
    wrong = (exact - 0.05).to(dtype)
    with pytest.raises(SearchError, match="expected 1; give natural-log probabilities"):
        tensor_beam_search(wrong[None], torch.tensor([30]), beam_width=8)
    if dtype == torch.bfloat16:
        return
    [best] = prefix_beam_search(log_probs.numpy(), beam_width=8)
    assert best.tokens == expected.tokens
    assert best.score == pytest.approx(expected.score, abs=30 * 0.02)
    greedy = greedy_search(log_probs.numpy())
    assert greedy.score == pytest.approx(float(log_probs.double().amax(dim=1).sum()), rel=1e-6)
    with pytest.raises(SearchError, match="expected 1; give natural-log probabilities"):
        prefix_beam_search(wrong.numpy(), beam_width=8)


@pytest.mark.parametrize("search", [partial(greedy_search), partial(prefix_beam_search, beam_width=4)])
def test_what_is_no_array_of_floats_is_told_so(
    search: partial[list[Hypothesis]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is outside of tests, where nobody checks types."""
    monkeypatch.setattr(GreedyStream, "accept", inspect.unwrap(GreedyStream.accept))
    unchecked = partial(inspect.unwrap(search.func), **search.keywords)
    rows = torch.full((3, 4), 0.25).log()
    assert unchecked(rows) == unchecked(rows.numpy())
    with pytest.raises(SearchError, match=r"cannot be read \(.*BFloat16\); give float32 or float64 on the CPU"):
        unchecked(rows.bfloat16())
    with pytest.raises(SearchError, match="log_probs is int64; expected natural-log probabilities of a float type"):
        unchecked(np.zeros((3, 4), np.int64))


# --- threads ----------------------------------------------------------------------------------------------------------


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fusion = Fusion(CHARACTERS, bigram_model(), hotwords={"BA": 2.0}).tables
    batch = [long_log_probs(10 + 7 * seed, seed) for seed in range(12)]
    results = []
    for number in ("1", "2", "5", "", "all"):
        monkeypatch.setenv("OMP_NUM_THREADS", number)
        results.append(search_in_parallel(batch, beam_width=8, num_best=3, fusion=fusion))
    assert all(result == results[0] for result in results)
