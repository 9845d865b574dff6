"""The confidence of a word: a raw measure from its tokens, and its calibration, so that of the words with confidence
0.8 about four in five are right.

Raw confidence ranks words well, but networks are overconfident. A logistic map of two numbers, fitted on words that are
known to be right or wrong, corrects that (Platt 1999; Guo et al. 2017) and keeps the ranking.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field

from asr.settings import Settings

_NEAREST = 1e-4  # raw confidence is clipped this far from 0 and 1; closer to them a network's numbers say nothing
_PRIOR_DEVIATION = 2.0  # of scale and offset from those of `Calibration()`: with few words, the map stays near it
_MAX_STEPS = 100


class Calibration(Settings):
    """A map of confidence to confidence, `sigmoid(scale * logit(raw) + offset)`. By default it changes nothing."""

    scale: float = Field(1.0, ge=0, le=1e6)
    """Factor of the log-odds."""
    offset: float = Field(0.0, ge=-1e6, le=1e6)
    """Added to the log-odds."""

    def apply(self, raw: float) -> float:
        """Calibrated confidence, 0 to 1, of a raw one, 0 to 1. Never falls where `raw` rises."""
        if self == Calibration():
            return raw
        inside = min(max(raw, _NEAREST), 1 - _NEAREST)
        logit = self.scale * (math.log(inside) - math.log1p(-inside)) + self.offset
        return 1 / (1 + math.exp(-logit)) if logit > 0 else math.exp(logit) / (1 + math.exp(logit))


def word_confidence(token_confidences: Sequence[float]) -> float:
    """Raw confidence of a word, 0 to 1: that of its least sure token (`TokenSpan.confidence`)."""
    return min(token_confidences)


def fit_calibration(raw: Sequence[float], correct: Sequence[bool]) -> Calibration:
    """The map that makes `correct` likeliest for words of these raw confidences.

    A normal prior keeps it near the identity: without words it is the identity, and words that are all right, or all
    wrong, give a finite map.

    Raises:
        ValueError: there is not one `correct` for each raw confidence, or one of these is not in 0 to 1.
    """
    if len(raw) != len(correct):
        raise ValueError(f"{len(raw)} raw confidences and {len(correct)} judgements; expected as many")
    values, right = np.asarray(raw, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a raw confidence is not in 0 to 1")
    logits = _logit(values)
    scale, offset = _fit(np.column_stack([logits, np.ones_like(logits)]), right, np.array([1.0, 0.0]))
    if scale < 0:  # higher confidence, more errors: then raw confidence is worthless
        scale, (offset,) = 0.0, _fit(np.ones((len(logits), 1)), right, np.array([0.0]))
    return Calibration(scale=float(scale), offset=float(offset))


def expected_calibration_error(confidences: Sequence[float], correct: Sequence[bool], *, num_bins: int = 10) -> float:
    """Expected calibration error, 0 to 1: how far confidence is from the share of right words, averaged over words.

    Words are put into `num_bins` bins of equal width by confidence (Naeini et al. 2015). 0.0 if there are no words.

    Raises:
        ValueError: the numbers of confidences and of judgements differ.
    """
    if len(confidences) != len(correct):
        raise ValueError(f"{len(confidences)} confidences and {len(correct)} judgements; expected as many")
    values = np.asarray(confidences, dtype=np.float64)
    bins = np.minimum((values * num_bins).astype(np.int64), num_bins - 1)
    surplus = np.bincount(bins, weights=values - np.asarray(correct, dtype=np.float64), minlength=num_bins)
    return float(np.abs(surplus).sum() / max(1, len(values)))


def _fit(
    inputs: npt.NDArray[np.float64], right: npt.NDArray[np.float64], prior: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Weights of a logistic regression of `right` (0 or 1) on `inputs` (words, weights), by Newton's method."""
    weights = prior.copy()
    precision = 1 / _PRIOR_DEVIATION**2
    loss = _loss(weights, inputs, right, prior)
    for _ in range(_MAX_STEPS):
        predicted = _sigmoid(inputs @ weights)
        gradient = inputs.T @ (predicted - right) + precision * (weights - prior)
        curvature = (inputs.T * (predicted * (1 - predicted))) @ inputs + precision * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        while _loss(weights - step, inputs, right, prior) > loss and np.abs(step).max() > 1e-12:
            step /= 2
        weights = weights - step
        loss = _loss(weights, inputs, right, prior)
        if np.abs(step).max() < 1e-10:
            break
    return weights


def _loss(
    weights: npt.NDArray[np.float64],
    inputs: npt.NDArray[np.float64],
    right: npt.NDArray[np.float64],
    prior: npt.NDArray[np.float64],
) -> float:
    logits = inputs @ weights
    misfit = float(np.sum(np.logaddexp(0, logits) - right * logits))
    return misfit + float(np.sum((weights - prior) ** 2)) / (2 * _PRIOR_DEVIATION**2)


def _logit(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    inside = np.clip(values, _NEAREST, 1 - _NEAREST)
    return np.log(inside) - np.log1p(-inside)


def _sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.exp(-np.logaddexp(0, -logits))
