"""What every search returns, and the check of what every search is given."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from asr.errors import SearchError

_TOLERANCE = 1e-3  # how far the sum of a row of probabilities may be from one, beside rounding


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A sequence of tokens. `score` is a natural log: the acoustic log-probability plus `fusion_score`, what language
    model and hot words add to it; `frames[i]` is the frame that token i starts at, on the likeliest path that the
    search has seen.
    """

    tokens: tuple[int, ...]
    score: float
    frames: tuple[int, ...]
    fusion_score: float = 0.0


def check_widths(*, beam_width: int, num_best: int, beam_threshold: float) -> None:
    """Raises SearchError if a search can not be so wide."""
    if beam_width < 1 or num_best < 1:
        raise SearchError(f"beam_width is {beam_width} and num_best {num_best}; expected one or more")
    if not beam_threshold > 0:
        raise SearchError(f"beam_threshold is {beam_threshold}; expected nats, more than 0")


def tolerance(log_probs: Float[Tensor, "frames vocab"]) -> float:
    """How far the sum of a row of probabilities may be from one.

    Rounding a log-probability changes it by half an epsilon of itself, so the sum by no more than that times the
    entropy: nothing in float32, up to 0.02 in bfloat16.

    Raises:
        SearchError: they are integers.
    """
    if not log_probs.dtype.is_floating_point:
        raise SearchError(f"log_probs is {log_probs.dtype}; expected natural-log probabilities of a float type")
    return _TOLERANCE + torch.finfo(log_probs.dtype).eps / 2 * math.log(max(1, log_probs.shape[1]))


def is_distribution(probs: np.ndarray, tolerance: float) -> bool:
    """Whether each row of (frames, vocab) holds probabilities that sum to one; false if any is NaN."""
    return probs.shape[1] > 0 and bool((np.abs(probs.sum(axis=1) - 1) <= tolerance).all())


def check_log_probs(log_probs: Float[Tensor, "frames vocab"]) -> None:
    """Raises SearchError unless each row holds natural-log probabilities that sum to one."""
    if not log_probs.shape[1]:
        raise SearchError("log_probs has no tokens; expected the blank at least")
    if torch.isnan(log_probs).any():
        raise SearchError("log_probs has NaN; the model's weights or its input are broken")
    sums = log_probs.double().exp().sum(dim=1)
    worst = (sums - 1).abs()
    if len(sums) and float(worst.max()) > tolerance(log_probs):
        row = int(worst.argmax())
        raise SearchError(
            f"log_probs: the probabilities of frame {row} sum to {float(sums[row]):.4g}, expected 1; "
            "give natural-log probabilities (log_softmax), not logits or probabilities"
        )
