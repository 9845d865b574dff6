"""Forced alignment, against the likeliest of all paths."""

import math
from itertools import groupby, pairwise, product

import pytest
import torch

from asr.align import align_tokens, num_frames_needed

VOCAB = 3


def collapse(path):
    return tuple(token for token, _ in groupby(path) if token)


def random_log_probs(num_frames, seed=0, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(num_frames, VOCAB, generator=generator)).log_softmax(-1)


def path_score(log_probs, path):
    return sum(row[token] for row, token in zip(log_probs.tolist(), path, strict=True))


def path_of(spans, tokens, num_frames):
    path = [0] * num_frames
    for span, token in zip(spans, tokens, strict=True):
        path[span.start : span.end] = [token] * (span.end - span.start)
    return tuple(path)


@pytest.mark.parametrize("num_frames", range(1, 6))
def test_the_spans_are_those_of_the_likeliest_path_of_every_text(num_frames):
    log_probs = random_log_probs(num_frames)
    best = {}
    for path in product(range(VOCAB), repeat=num_frames):
        text = collapse(path)
        best[text] = max(best.get(text, -math.inf), path_score(log_probs, path))
    for tokens, score in best.items():
        spans = align_tokens(log_probs, tokens)
        path = path_of(spans, tokens, num_frames)
        assert collapse(path) == tokens
        assert path_score(log_probs, path) == pytest.approx(score, abs=1e-5)
        for span, token in zip(spans, tokens, strict=True):
            inside = log_probs[span.start : span.end, token].exp()
            assert span.confidence == pytest.approx(inside.mean().item(), abs=1e-6)
            assert 0 <= span.confidence <= 1


@pytest.mark.parametrize("seed", range(20))
def test_spans_are_in_order_do_not_overlap_and_repeats_are_apart(seed):
    generator = torch.Generator().manual_seed(seed)
    tokens = tuple(torch.randint(1, VOCAB, (8,), generator=generator).tolist())
    spans = align_tokens(random_log_probs(30, seed), tokens)
    assert len(spans) == len(tokens)
    assert spans[0].start >= 0
    assert spans[-1].end <= 30
    assert all(span.start < span.end for span in spans)
    for (left, right), (token, following) in zip(pairwise(spans), pairwise(tokens), strict=True):
        assert right.start >= left.end + (token == following)


def test_a_known_alignment():
    probabilities = torch.tensor(
        [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.6, 0.2], [0.9, 0.05, 0.05], [0.1, 0.7, 0.2]]
    )
    first, second = align_tokens(probabilities.log(), (1, 1))
    assert (first.start, first.end, second.start, second.end) == (1, 3, 4, 5)
    assert first.confidence == pytest.approx((0.8 + 0.6) / 2)
    assert second.confidence == pytest.approx(0.7)


def test_just_enough_frames_do_and_one_less_is_refused():
    tokens = (1, 1, 2, 2)
    assert num_frames_needed(tokens) == 6
    spans = align_tokens(random_log_probs(6), tokens)
    assert [(span.start, span.end) for span in spans] == [(0, 1), (2, 3), (3, 4), (5, 6)]
    with pytest.raises(ValueError, match="5 frames can not spell 4 tokens"):
        align_tokens(random_log_probs(5), tokens)


def test_no_tokens_have_no_spans_with_or_without_frames():
    assert align_tokens(random_log_probs(4), ()) == []
    assert align_tokens(torch.zeros(0, VOCAB), ()) == []


def test_a_detour_round_probability_zero_is_found_and_no_path_at_all_is_refused():
    log_probs = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]).log()
    [one, two] = align_tokens(log_probs, (1, 2))
    assert (one.end, two.start, two.end) == (2, 2, 3)
    with pytest.raises(ValueError, match="probability zero"):
        align_tokens(log_probs, (2, 1))
