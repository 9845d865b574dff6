"""Stage 6: log-probabilities + tokens -> the frames of each token, by CTC forced alignment (Viterbi)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torchaudio
from jaxtyping import Float
from torch import Tensor

BLANK_ID = 0


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """The frames [start, end) in which the best path shows one token, and its mean probability there, 0 to 1."""

    start: int
    end: int
    confidence: float


def num_frames_needed(tokens: list[int] | tuple[int, ...]) -> int:
    """The fewest frames that CTC can spell the tokens in: one each, and a blank between equal neighbours."""
    return len(tokens) + sum(a == b for a, b in pairwise(tokens))


def align_tokens(log_probs: Float[Tensor, "frames vocab"], tokens: tuple[int, ...]) -> list[TokenSpan]:
    """The span of each token on the likeliest path that spells `tokens`; spans are in order and do not overlap.

    Raises:
        ValueError: there are fewer frames than `num_frames_needed(tokens)`, or each path has probability zero.
    """
    if len(log_probs) < num_frames_needed(tokens):
        raise ValueError(f"{len(log_probs)} frames can not spell {len(tokens)} tokens")
    if not tokens:
        return []
    targets = torch.tensor([tokens], dtype=torch.int32)
    path, scores = torchaudio.functional.forced_align(log_probs[None].cpu().float(), targets, blank=BLANK_ID)
    if scores.isinf().any():
        raise ValueError("the tokens have probability zero: no path to align them with")
    changes = torch.ones(path.shape[1] + 1, dtype=torch.bool)
    changes[1:-1] = path[0, 1:] != path[0, :-1]
    edges = torch.nonzero(changes).flatten().tolist()
    runs = [(a, b) for a, b in pairwise(edges) if path[0, a] != BLANK_ID]
    return [TokenSpan(a, b, float(scores[0, a:b].exp().mean())) for a, b in runs]
