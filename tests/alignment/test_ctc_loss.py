"""The CTC loss as training takes it, against the sum over every path, and its gradient by finite differences."""

import math
from collections.abc import Sequence
from itertools import groupby, product

import pytest
import torch
from torch import Tensor

from asr.ctc import num_frames_needed
from asr.ctc_loss import ctc_losses

VOCAB = 3
MAX_FRAMES = 5


def collapse(path: Sequence[int]) -> tuple[int, ...]:
    """What a path writes: repeats merged, then blanks dropped."""
    return tuple(token for token, _ in groupby(path) if token)


def text_probabilities(log_probs: Tensor) -> dict[tuple[int, ...], float]:
    """The probability of each text that has one, summed over all paths in plain Python."""
    rows = log_probs.exp().tolist()
    totals: dict[tuple[int, ...], float] = {}
    for path in product(range(log_probs.shape[1]), repeat=len(rows)):
        text = collapse(path)
        totals[text] = totals.get(text, 0.0) + math.prod(row[token] for row, token in zip(rows, path, strict=True))
    return totals


def random_logits(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def losses(log_probs: Tensor, num_frames: list[int], targets: Sequence[Sequence[int]]) -> Tensor:
    tokens = torch.tensor([token for target in targets for token in target], dtype=torch.long)
    return ctc_losses(log_probs, torch.tensor(num_frames), tokens, torch.tensor([len(target) for target in targets]))


ALL_TARGETS = [text for size in range(MAX_FRAMES + 1) for text in product(range(1, VOCAB), repeat=size)]


@pytest.mark.parametrize("num_frames", range(1, MAX_FRAMES + 1))
def test_the_loss_of_every_target_is_the_sum_over_all_paths(num_frames: int) -> None:
    log_probs = random_logits(num_frames, VOCAB).log_softmax(-1)
    totals = text_probabilities(log_probs)
    found = losses(log_probs.expand(len(ALL_TARGETS), -1, -1), [num_frames] * len(ALL_TARGETS), ALL_TARGETS)
    expected = [-math.log(totals[text]) if text in totals else math.inf for text in ALL_TARGETS]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9)
    assert sum(math.exp(-loss) for loss in found.tolist()) == pytest.approx(1)  # some text is written for sure


@pytest.mark.parametrize("num_frames", range(1, MAX_FRAMES + 1))
def test_a_target_is_feasible_exactly_when_it_has_the_frames_needed(num_frames: int) -> None:
    written = {collapse(path) for path in product(range(VOCAB), repeat=num_frames)}
    assert written == {text for text in ALL_TARGETS if num_frames_needed(text) <= num_frames}


def test_targets_of_a_batch_do_not_mix_and_padding_frames_do_not_count() -> None:
    targets, num_frames = [(1, 1), (), (2,), (1, 2, 1)], [3, 5, 1, 4]
    log_probs = random_logits(4, 5, VOCAB).log_softmax(-1)
    found = losses(log_probs, num_frames, targets)
    for rows, n, target, loss in zip(log_probs, num_frames, targets, found.tolist(), strict=True):
        assert loss == pytest.approx(-math.log(text_probabilities(rows[:n])[target]), abs=1e-9)


def test_the_gradient_is_right_by_finite_differences() -> None:
    targets, num_frames = [(1, 1), (), (2,), (1, 2, 1)], [3, 5, 1, 4]
    logits = random_logits(4, 5, VOCAB).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: losses(x.log_softmax(-1), num_frames, targets), (logits,))


def test_inside_autocast_the_loss_stays_in_float32() -> None:
    logits = random_logits(2, 5, VOCAB, dtype=torch.float32)
    outside = losses(logits.log_softmax(-1), [5, 4], [(1, 2), (2, 2)])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = losses(logits.log_softmax(-1), [5, 4], [(1, 2), (2, 2)])
    assert inside.dtype == torch.float32
    assert torch.equal(inside, outside)


def test_a_target_without_a_path_has_an_infinite_loss_which_is_not_hidden() -> None:
    log_probs = random_logits(2, 2, VOCAB).log_softmax(-1)
    found = losses(log_probs, [2, 2], [(1, 1), (1, 2)])
    assert found[0] == math.inf
    assert torch.isfinite(found[1])
