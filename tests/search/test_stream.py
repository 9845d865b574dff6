"""The search that is given its frames in pieces: whatever the pieces, the result is that of the whole, bit for bit."""

import itertools
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.errors import SearchError
from asr.search import Fusion, FusionSettings, Hypothesis, PrefixBeamStream
from asr.search import stream as stream_module
from asr.search.fusion.tables import FusionTables
from asr.search.kernel.state import SearchState
from asr.search.prefix_beam import prefix_beam_search
from tests.support.fusion_oracle import CHARACTERS, HOTWORDS, bigram_model, random_log_probs
from tests.support.log_probs import gaussian_log_probs, log_of, long_log_probs

MODEL = bigram_model()
FUSIONS: Mapping[str, FusionTables | None] = {
    "none": None,
    "word": Fusion(CHARACTERS, MODEL).tables,
    "lexicon": Fusion(CHARACTERS, MODEL, settings=FusionSettings(unit="lexicon")).tables,
    "hot words": Fusion(CHARACTERS, hotwords=HOTWORDS).tables,
    "both": Fusion(CHARACTERS, MODEL, settings=FusionSettings(alpha=1.2, beta=-0.4), hotwords=HOTWORDS).tables,
}
each_fusion = pytest.mark.parametrize("fusion", FUSIONS.values(), ids=FUSIONS)


def in_pieces(
    log_probs: np.ndarray, size: int, *, beam_width: int, num_best: int, fusion: FusionTables | None
) -> list[Hypothesis]:
    stream = PrefixBeamStream(log_probs.shape[1], beam_width=beam_width, fusion=fusion)
    for start in range(0, len(log_probs), size):
        stream.accept(log_probs[start : start + size])
    return stream.finish(num_best)


def special_cases() -> dict[str, np.ndarray]:
    """(frames, 4)"""
    generator = np.random.default_rng(0)
    ties = np.full((150, 4), 0.25)
    zeros = generator.dirichlet(np.full(4, 0.3), 150) * (generator.random((150, 4)) > 0.4)
    zeros[:, 0] += 1e-3
    return {
        "random": long_log_probs(230, 1),
        "in float64": gaussian_log_probs(230, 4, 2),
        "ties": log_of(ties),
        "minus infinity": log_of(zeros / zeros.sum(axis=1, keepdims=True)),
        "longer than a piece of the kernel": long_log_probs(1300, 3),
    }


@each_fusion
@pytest.mark.parametrize("name", special_cases())
def test_pieces_of_any_size_give_the_result_of_the_whole_bit_for_bit(name: str, fusion: FusionTables | None) -> None:
    """Tokens, scores, frames and all of the n-best list are compared as they are, without any tolerance."""
    log_probs = special_cases()[name]
    for beam_width in (1, 8, 50):
        whole = prefix_beam_search(log_probs, beam_width=beam_width, num_best=beam_width, fusion=fusion)
        for size in (1, 7, 100):
            assert in_pieces(log_probs, size, beam_width=beam_width, num_best=beam_width, fusion=fusion) == whole


@given(log_probs=random_log_probs(), cuts=st.sets(st.integers(0, 5)), beam_width=st.integers(1, 9))
def test_any_cuts_give_the_result_of_the_whole(log_probs: np.ndarray, cuts: set[int], beam_width: int) -> None:
    edges = sorted(cuts | {0, len(log_probs)})
    for fusion in FUSIONS.values():
        stream = PrefixBeamStream(4, beam_width=beam_width, fusion=fusion)
        for start, end in itertools.pairwise(edges):
            stream.accept(log_probs[start:end])
        try:
            found = stream.finish(9)
        except stream_module.NoTextError:  # for which the search of the whole tries wider beams
            assert fusion is FUSIONS["lexicon"]
            continue
        assert found == prefix_beam_search(log_probs, beam_width=beam_width, num_best=9, fusion=fusion)


@each_fusion
def test_what_is_dropped_from_the_tree_to_make_room_changes_nothing(
    fusion: FusionTables | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room for a frame at a time: dead ends are dropped all the time, and many of them come again."""
    log_probs = long_log_probs(300, 5)
    whole = prefix_beam_search(log_probs, beam_width=10, num_best=10, fusion=fusion)
    monkeypatch.setattr(stream_module, "_PIECE", 1)
    assert prefix_beam_search(log_probs, beam_width=10, num_best=10, fusion=fusion) == whole


def room(stream: PrefixBeamStream) -> int:
    state: SearchState = stream._state
    return len(state.prefixes)


def test_memory_grows_with_the_text_not_with_the_frames() -> None:
    silence = np.log(np.tile([0.97, 0.01, 0.01, 0.01], (10_000, 1)))
    stream = PrefixBeamStream(4, beam_width=16)
    stream.accept(silence[:2000])
    before = room(stream)
    stream.accept(silence)
    assert room(stream) == before
    stream.accept(long_log_probs(20_000, 6))
    num_tokens = len(stream.partial().tokens)
    assert num_tokens > 5000
    assert room(stream) < 8 * num_tokens


def test_the_partial_text_is_what_is_best_so_far() -> None:
    """Without fusion, the best prefix is the best text of the frames so far."""
    log_probs = gaussian_log_probs(60, 5, 7)
    stream = PrefixBeamStream(5, beam_width=20)
    assert stream.partial() == Hypothesis((), 0.0, ())
    for number, row in enumerate(log_probs, start=1):
        stream.accept(row[None])
        [best] = prefix_beam_search(log_probs[:number], beam_width=20)
        assert stream.partial() == best


def test_the_end_of_the_text_is_not_scored_in_a_partial_result() -> None:
    stream = PrefixBeamStream(4, beam_width=8, fusion=FUSIONS["word"])
    stream.accept(log_of(np.eye(4)[[2, 3]]))  # AB
    partial, [final] = stream.partial(), stream.finish()
    assert partial.tokens == final.tokens == (2, 3)
    assert partial.frames == final.frames == (0, 1)
    # The unigram of AB is looked ahead to; at the end there are its bigram after <s>, its back-off, and a word's bonus.
    log10, alpha, beta = np.log(10), 0.5, 1.0
    assert partial.score == partial.fusion_score == pytest.approx(alpha * -0.9 * log10)
    assert final.score == pytest.approx(alpha * log10 * (-0.3 - 0.5 - 0.7) + beta)


def test_asking_for_results_changes_nothing_in_them() -> None:
    log_probs = long_log_probs(100, 8)
    stream = PrefixBeamStream(4, beam_width=8, fusion=FUSIONS["both"])
    for row in log_probs:
        stream.accept(row[None])
        stream.partial()
        stream.finish(3)
    assert stream.finish(8) == prefix_beam_search(log_probs, beam_width=8, num_best=8, fusion=FUSIONS["both"])


def test_streams_do_not_know_of_each_other() -> None:
    several = [long_log_probs(50, seed) for seed in range(4)]
    streams = [PrefixBeamStream(4, beam_width=8, fusion=FUSIONS["word"]) for _ in several]
    for start in range(0, 50, 10):
        for log_probs, stream in zip(several, streams, strict=True):
            stream.accept(log_probs[start : start + 10])
    for log_probs, stream in zip(several, streams, strict=True):
        assert stream.finish(4) == prefix_beam_search(log_probs, beam_width=8, num_best=4, fusion=FUSIONS["word"])


def test_what_makes_no_sense_is_refused_and_what_was_accepted_is_not_lost() -> None:
    with pytest.raises(SearchError, match="no tokens; expected the blank"):
        PrefixBeamStream(0, beam_width=3)
    with pytest.raises(SearchError, match="5 tokens a frame, the fusion was made for 4"):
        PrefixBeamStream(5, beam_width=3, fusion=FUSIONS["word"])
    log_probs = long_log_probs(20, 9)
    stream = PrefixBeamStream(4, beam_width=3)
    stream.accept(log_probs)
    with pytest.raises(SearchError, match="3 tokens a frame, expected 4"):
        stream.accept(np.log(np.full((2, 3), 1 / 3)))
    with pytest.raises(SearchError, match="frame 0 sum to 4, expected 1"):
        stream.accept(np.zeros((2, 4)))
    with pytest.raises(SearchError, match="num_best 0; expected one or more"):
        stream.finish(0)
    assert stream.finish() == prefix_beam_search(log_probs, beam_width=3)


def test_a_lexicon_that_can_spell_nothing_is_said_so() -> None:
    words = ["<unk>", "<s>", "</s>", "A"]
    model = bigram_model(words, dict.fromkeys(words, (-1, 0)), {})
    tables = Fusion(CHARACTERS, model, settings=FusionSettings(unit="lexicon")).tables
    stream = PrefixBeamStream(4, beam_width=3, fusion=tables)
    stream.accept(log_of([[0.0, 0.0, 0.0, 1.0]] * 3))
    for ask in (stream.partial, stream.finish):
        with pytest.raises(SearchError, match="no text that the lexicon can spell"):
            ask()
