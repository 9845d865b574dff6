"""Log-probabilities like those of a CTC model, made from text: for benchmarks of search where no model is at hand.

As after real training, most frames are sure of one token, blank more than any other; where the "model" is not sure, the
right token has one rival that is about as likely. The constants are those of an LSTM model of AN4 with 30 ms frames:
the probability of the best token, of the second and of the others, and how long tokens last.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

BLANK_ID, UNKNOWN_ID = 0, 1
CONFUSION = 0.3  # of tokens that have a rival

_FRAMES_OF_TOKEN = (0.3, 0.5, 0.2)  # probability of 1, 2 and 3 frames
_MEAN_BLANKS = 1.0  # frames of blank after a token
_PEAK, _BACKGROUND = 18.0, 3.0  # logit of what is spoken; standard deviation of all others
_BLANK, _BLANK_SPREAD = 10.0, 1.0  # logit of blank where a token is spoken, and its standard deviation
_LEAD, _LEAD_SPREAD = 1.5, 2.0  # by how much the right token leads its rival, and the standard deviation of that
_RIVALS = 3  # every token is mistaken for only a few others


def ctc_like_log_probs(
    tokens: Sequence[int], vocab_size: int, generator: np.random.Generator, *, confusion: float = CONFUSION
) -> Float[np.ndarray, "frames vocab"]:
    """Natural-log probabilities (frames, vocab), float32, of an utterance of these tokens (ids from 2 on).

    With `confusion` 0 the best path is one of the tokens; with 0.3 greedy search gets about one token in fifteen wrong.
    """
    path, segments = _path(tokens, generator)
    frames = np.arange(len(path))
    logits = generator.normal(0.0, _BACKGROUND, (len(path), vocab_size))
    logits[:, BLANK_ID] = generator.normal(_BLANK, _BLANK_SPREAD, len(path))
    logits[:, UNKNOWN_ID] = -_PEAK
    logits[frames, path] = _PEAK
    lead = generator.normal(_LEAD, _LEAD_SPREAD, len(path))[segments]  # the same for all frames of a segment
    confused = (generator.random(len(path)) < confusion)[segments] & (path != BLANK_ID)
    rival = _rivals(vocab_size)[path, generator.integers(_RIVALS, size=len(path))[segments]]
    logits[frames[confused], rival[confused]] = _PEAK - lead[confused]
    log_probs: np.ndarray = torch.from_numpy(logits).log_softmax(dim=1).float().numpy()
    return log_probs


def _path(tokens: Sequence[int], generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What is spoken in each frame, token or blank, and the number of the segment that the frame is of."""
    spoken, durations = [BLANK_ID], [1 + generator.poisson(_MEAN_BLANKS)]
    for token, after in zip(tokens, [*tokens[1:], BLANK_ID], strict=True):
        spoken += [token, BLANK_ID]
        durations.append(1 + generator.choice(len(_FRAMES_OF_TOKEN), p=_FRAMES_OF_TOKEN))
        durations.append(max(generator.poisson(_MEAN_BLANKS), int(token == after)))  # a double token needs a blank
    return np.repeat(spoken, durations), np.repeat(np.arange(len(spoken)), durations)


def _rivals(vocab_size: int) -> np.ndarray:
    """The tokens that each token may be mistaken for, int64 (vocab, rivals); blank, too, for a token can be missed."""
    generator = np.random.default_rng(0)
    rows = []
    for token in range(vocab_size):
        others = [other for other in range(vocab_size) if other not in (token, UNKNOWN_ID)]
        rows.append(generator.choice(others, size=_RIVALS, replace=False))
    return np.stack(rows)
