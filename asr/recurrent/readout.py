"""The read-out of an echo state network in closed form: ridge regression on labels of frames. Free of torch."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy import ndarray

from asr.ctc import BLANK_ID


def fit_readout(
    utterances: Iterable[tuple[Float[ndarray, "_ features"], Float[ndarray, "_ outputs"]]], penalty: float
) -> tuple[Float64[ndarray, "outputs features"], Float64[ndarray, "outputs"]]:
    """Weights W and constants c that make sum |y - W s - c|^2 + penalty |W|^2 least, over all frames, s and y being
    the states and the targets of each utterance. They are seen one after the other, and only sums are kept.

    Raises:
        ValueError: no frames.
    """
    num_frames, moments = 0, None
    for states, targets in utterances:
        joined = np.concatenate([states, targets], axis=1, dtype=np.float64)
        num_frames += len(joined)
        found = (joined.sum(axis=0), joined.T @ joined)
        moments = found if moments is None else (moments[0] + found[0], moments[1] + found[1])
        size = states.shape[1]
    if moments is None or num_frames == 0:
        raise ValueError("a read-out cannot be fitted to no frames")
    mean = moments[0] / num_frames
    centred = moments[1] - num_frames * np.outer(mean, mean)  # so that the constants are not shrunk
    weights = np.linalg.solve(centred[:size, :size] + penalty * np.eye(size), centred[:size, size:]).T
    return weights, mean[size:] - weights @ mean[:size]


def segment_labels(
    tokens: Sequence[int], frames: Sequence[int], num_frames: int, *, reach: int
) -> Int64[ndarray, "num_frames"]:
    """A label for each frame from an alignment, `frames` being the one at which each token was found. CTC's own labels
    would be blanks in nine of ten frames, and least squares would then answer blank everywhere: so each frame has the
    token nearest to it, the earlier of two, and blank only where that is more than `reach` frames away.
    """
    labels = np.full(num_frames, BLANK_ID, np.int64)
    if not tokens:
        return labels
    distances = np.abs(np.arange(num_frames)[:, None] - np.array(frames))
    near = distances.min(axis=1) <= reach
    labels[near] = np.array(tokens)[distances.argmin(axis=1)][near]
    return labels
