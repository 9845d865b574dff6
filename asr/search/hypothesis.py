"""What every search returns, and the check of what every search is given."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from asr.errors import SearchError

_TOLERANCE = 1e-3  # how far the sum of a row of probabilities may be from one, beside rounding


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A sequence of tokens. `score` is a natural log: the acoustic log-probability plus `fusion_score`, which language
    model and hot words add; `frames[i]` is the frame in which token i starts, on the likeliest path that the search has
    seen.
    """

    tokens: tuple[int, ...]
    score: float
    frames: tuple[int, ...]
    fusion_score: float = 0.0


def check_widths(*, beam_width: int, num_best: int, beam_threshold: float) -> None:
    """Raises SearchError if a width or threshold is out of range."""
    if beam_width < 1 or num_best < 1:
        raise SearchError(f"beam_width is {beam_width} and num_best {num_best}; expected one or more")
    if not beam_threshold > 0:
        raise SearchError(f"beam_threshold is {beam_threshold}; expected nats, more than 0")


def as_log_probs(log_probs: npt.ArrayLike) -> np.ndarray:
    """The numbers as an array; a tensor on the CPU is accepted too.

    Raises:
        SearchError: they are not of a float type that NumPy knows.
    """
    try:
        array = np.asarray(log_probs)
    except (TypeError, RuntimeError) as error:  # what PyTorch raises for bfloat16, and for tensors on a GPU
        reason = str(error).partition("\n")[0]
        raise SearchError(f"log_probs cannot be read ({reason}); give float32 or float64 on the CPU") from None
    if not np.issubdtype(array.dtype, np.floating):
        raise SearchError(f"log_probs is {array.dtype}; expected natural-log probabilities of a float type")
    return array


def tolerance(epsilon: float, vocab_size: int) -> float:
    """How far the sum of a row of probabilities may be from one, if numbers are rounded to `epsilon`.

    Rounding changes a log-probability by half an epsilon of itself, so the sum by at most that times the entropy:
    nothing in float32, up to 0.02 in bfloat16.
    """
    return _TOLERANCE + epsilon / 2 * math.log(max(1, vocab_size))


def is_distribution(probs: Float[np.ndarray, "frames vocab"], tolerance: float) -> bool:
    """Whether each row holds probabilities that sum to one; false if any is NaN."""
    return probs.shape[1] > 0 and bool((np.abs(probs.sum(axis=1) - 1) <= tolerance).all())


def check_log_probs(log_probs: Float[np.ndarray, "frames vocab"], *, epsilon: float | None = None) -> None:
    """Raises SearchError unless each row holds natural-log probabilities that sum to one.

    `epsilon` is that of the type to which they were rounded, if other than the array's.
    """
    if not log_probs.shape[1]:
        raise SearchError("log_probs has no tokens; expected the blank at least")
    if np.isnan(log_probs).any():
        raise SearchError("log_probs has NaN; the model's weights or its input are broken")
    with np.errstate(over="ignore"):
        sums = np.exp(log_probs.astype(np.float64)).sum(axis=1)
    worst = np.abs(sums - 1)
    allowed = tolerance(float(np.finfo(log_probs.dtype).eps) if epsilon is None else epsilon, log_probs.shape[1])
    if len(sums) and worst.max() > allowed:
        row = int(worst.argmax())
        raise SearchError(
            f"log_probs: the probabilities of frame {row} sum to {sums[row]:.4g}, expected 1; "
            "give natural-log probabilities (log_softmax), not logits or probabilities"
        )
