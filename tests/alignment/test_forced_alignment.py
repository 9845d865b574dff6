"""Forced alignment, against the likeliest of all paths and against torchaudio; words from tokens."""

import math
import tracemalloc
from collections.abc import Sequence
from itertools import groupby, pairwise, product

import numpy as np
import pytest
import torch
import torchaudio

from asr.alignment import viterbi
from asr.alignment.forced_alignment import TokenSpan, align_tokens, align_words, path_score
from asr.alignment.viterbi import best_path
from asr.ctc import num_frames_needed
from tests.support.log_probs import log_of

VOCAB = 3


def collapse(path: Sequence[int]) -> tuple[int, ...]:
    return tuple(token for token, _ in groupby(path) if token)


def random_log_probs(num_frames: int, seed: int = 0, scale: float = 2.0) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(num_frames, VOCAB, generator=generator)).log_softmax(-1).numpy()


def score_of(log_probs: np.ndarray, path: Sequence[int]) -> float:
    return sum(row[token] for row, token in zip(log_probs.tolist(), path, strict=True))


def path_of(spans: Sequence[TokenSpan], tokens: Sequence[int], num_frames: int) -> tuple[int, ...]:
    path = [0] * num_frames
    for span, token in zip(spans, tokens, strict=True):
        path[span.start : span.end] = [token] * (span.end - span.start)
    return tuple(path)


@pytest.mark.parametrize("num_frames", range(1, 6))
def test_the_spans_are_those_of_the_likeliest_path_of_every_text(num_frames: int) -> None:
    log_probs = random_log_probs(num_frames)
    best: dict[tuple[int, ...], float] = {}
    for path in product(range(VOCAB), repeat=num_frames):
        text = collapse(path)
        best[text] = max(best.get(text, -math.inf), score_of(log_probs, path))
    for tokens, score in best.items():
        spans = align_tokens(log_probs, tokens)
        path = path_of(spans, tokens, num_frames)
        assert collapse(path) == tokens
        assert score_of(log_probs, path) == pytest.approx(score, abs=1e-5)
        assert path_score(log_probs, tokens, spans) == pytest.approx(score, abs=1e-5)
        for span, token in zip(spans, tokens, strict=True):
            inside = np.exp(log_probs[span.start : span.end, token])
            assert span.confidence == pytest.approx(inside.max().item(), abs=1e-6)
            assert 0 <= span.confidence <= 1


@pytest.mark.parametrize("seed", range(20))
def test_spans_are_in_order_do_not_overlap_and_repeats_are_apart(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    tokens = tuple(torch.randint(1, VOCAB, (8,), generator=generator).tolist())
    spans = align_tokens(random_log_probs(30, seed), tokens)
    assert len(spans) == len(tokens)
    assert spans[0].start >= 0
    assert spans[-1].end <= 30
    assert all(span.start < span.end for span in spans)
    for (left, right), (token, following) in zip(pairwise(spans), pairwise(tokens), strict=True):
        assert right.start >= left.end + (token == following)


def test_a_known_alignment() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.6, 0.2], [0.9, 0.05, 0.05], [0.1, 0.7, 0.2]])
    first, second = align_tokens(np.log(probabilities), (1, 1))
    assert (first.start, first.end, second.start, second.end) == (1, 3, 4, 5)
    assert first.confidence == pytest.approx(0.8)
    assert second.confidence == pytest.approx(0.7)


def test_just_enough_frames_do_and_one_less_is_refused() -> None:
    tokens = (1, 1, 2, 2)
    assert num_frames_needed(tokens) == 6
    spans = align_tokens(random_log_probs(6), tokens)
    assert [(span.start, span.end) for span in spans] == [(0, 1), (2, 3), (3, 4), (5, 6)]
    with pytest.raises(ValueError, match="5 frames cannot spell 4 tokens"):
        align_tokens(random_log_probs(5), tokens)


def test_no_tokens_have_no_spans_with_or_without_frames() -> None:
    assert align_tokens(random_log_probs(4), ()) == []
    assert align_tokens(np.zeros((0, VOCAB)), ()) == []


def test_a_detour_round_probability_zero_is_found_and_no_path_at_all_is_refused() -> None:
    log_probs = log_of([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
    [one, two] = align_tokens(log_probs, (1, 2))
    assert (one.end, two.start, two.end) == (2, 2, 3)
    with pytest.raises(ValueError, match="probability zero"):
        align_tokens(log_probs, (2, 1))


# --- the kernel against torchaudio, and on long input -----------------------------------------------------------------


@pytest.mark.parametrize("segment", [2, 8, 1024])
def test_path_and_score_are_those_of_torchaudio_however_short_the_segments(
    monkeypatch: pytest.MonkeyPatch, segment: int
) -> None:
    """Random numbers have no ties, so the best path is unique."""
    monkeypatch.setattr(viterbi, "_SEGMENT", segment)
    rng = np.random.default_rng(segment)
    aligned = 0
    for _ in range(150):
        num_frames, vocab = int(rng.integers(1, 50)), int(rng.integers(2, 7))
        tokens = rng.integers(1, vocab, rng.integers(1, num_frames + 1))
        log_probs = torch.tensor(3 * rng.standard_normal((num_frames, vocab)), dtype=torch.float32).log_softmax(-1)
        starts, ends, score = best_path(log_probs.numpy(), tokens, blank_id=0)
        if num_frames_needed(tokens.tolist()) > num_frames:
            assert score == -math.inf
            continue
        spans = [TokenSpan(a, b, 1.0) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        path, scores = torchaudio.functional.forced_align(
            log_probs[None], torch.tensor(tokens[None], dtype=torch.int32)
        )
        assert path_of(spans, tokens.tolist(), num_frames) == tuple(path[0].tolist())
        assert score == pytest.approx(float(scores.double().sum()), abs=1e-3)
        aligned += 1
    assert aligned > 80


def test_long_speech_is_aligned_in_little_memory() -> None:
    """A byte for each of 16,001 states of 20,000 frames would be 305 MiB."""
    num_frames, num_tokens = 20_000, 8_000
    rng = np.random.default_rng(0)
    frames = np.sort(rng.choice(num_frames // 2, num_tokens, replace=False)) * 2  # a blank at least between tokens
    tokens = rng.integers(1, 9, num_tokens)
    log_probs = rng.standard_normal((num_frames, 9)).astype(np.float32)
    log_probs[:, 0] += 8
    log_probs[frames, 0] -= 16
    log_probs[frames, tokens] += 8
    log_probs = torch.tensor(log_probs).log_softmax(-1).numpy()
    tracemalloc.start()
    starts, ends, score = best_path(log_probs, tokens, blank_id=0)
    assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    tracemalloc.stop()
    np.testing.assert_array_equal(starts, frames)
    np.testing.assert_array_equal(ends, frames + 1)
    path = np.zeros(num_frames, dtype=np.int64)
    path[frames] = tokens
    assert score == pytest.approx(float(log_probs[np.arange(num_frames), path].sum(dtype=np.float64)))


def test_log_probs_with_nan_are_refused() -> None:
    log_probs = random_log_probs(5)
    log_probs[2] = math.nan
    with pytest.raises(ValueError, match="no path"):
        align_tokens(log_probs, (1, 2))


# --- words ------------------------------------------------------------------------------------------------------------


def test_a_frame_is_centred_at_its_number_and_a_word_is_as_sure_as_its_least_sure_token() -> None:
    spans = [TokenSpan(10, 11, 0.9), TokenSpan(12, 14, 0.5), TokenSpan(16, 17, 0.8)]
    words = align_words(
        spans, [(0, 2), (2, 3)], seconds_per_frame=0.04, pauses=[(0.0, 0.38), (0.66, 1.0)], duration=1.0
    )
    # Frame 13 ends at 0.54, frame 16 begins at 0.62: the words meet half way.
    assert [word.start for word in words] == pytest.approx([0.38, 0.58])
    assert [word.end for word in words] == pytest.approx([0.58, 0.66])
    assert [word.confidence for word in words] == [0.5, 0.8]
    assert align_words([], [], seconds_per_frame=0.04, pauses=[(0.0, 1.0)], duration=1.0) == []
