"""Best path: the likeliest token of each frame, repeats merged, blanks dropped (Graves et al. 2006, section 3.2)."""

import torch
from jaxtyping import Float
from torch import Tensor

from asr.ctc import BLANK_ID
from asr.search.hypothesis import Hypothesis, check_log_probs


def greedy_search(log_probs: Float[Tensor, "frames vocab"]) -> Hypothesis:
    """The tokens of the likeliest path. Its score is the log-probability of that one path.

    Raises:
        SearchError: the rows are not log-probabilities.
    """
    check_log_probs(log_probs)
    if log_probs.dtype.itemsize < 4:
        log_probs = log_probs.float()  # sums in half precision would lose most of the score
    scores, path = log_probs.max(dim=1)
    starts = torch.ones_like(path, dtype=torch.bool)
    starts[1:] = path[1:] != path[:-1]
    frames = torch.nonzero(starts & (path != BLANK_ID)).flatten()
    return Hypothesis(tuple(path[frames].tolist()), float(scores.sum()), tuple(frames.tolist()))
