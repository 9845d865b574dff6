"""Greedy search: the best path, repeats merged, blanks dropped (Graves et al. 2006, section 3.2)."""

import numpy as np
from jaxtyping import Float

from asr.ctc import BLANK_ID
from asr.search.hypothesis import Hypothesis, as_log_probs, check_log_probs


def greedy_search(log_probs: Float[np.ndarray, "frames vocab"]) -> Hypothesis:
    """The tokens of the likeliest path. Its score is the log-probability of that one path.

    Raises:
        SearchError: the rows are not log-probabilities.
    """
    log_probs = as_log_probs(log_probs)
    check_log_probs(log_probs)
    path, scores = log_probs.argmax(axis=1), log_probs.max(axis=1)
    is_start = np.append(True, path[1:] != path[:-1])[: len(path)]
    frames = np.flatnonzero(is_start & (path != BLANK_ID))
    return Hypothesis(tuple(path[frames].tolist()), float(scores.sum(dtype=np.float64)), tuple(frames.tolist()))
