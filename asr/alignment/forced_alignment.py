"""Stage 6: log-probabilities + tokens -> when each token and each word is said, by CTC forced alignment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from asr.alignment.confidence import word_confidence
from asr.alignment.pauses import Interval
from asr.alignment.viterbi import best_path
from asr.alignment.word_times import word_times
from asr.ctc import BLANK_ID, num_frames_needed


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """The frames [start, end) in which the best path shows one token, and its highest probability there, 0 to 1."""

    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """Start and end of a word in seconds, and its raw confidence, 0 to 1 (`asr.alignment.confidence`)."""

    start: float
    end: float
    confidence: float


def align_tokens(log_probs: Float[np.ndarray, "frames vocab"], tokens: tuple[int, ...]) -> list[TokenSpan]:
    """The span of each token on the likeliest path that spells `tokens`; spans are in order and do not overlap.

    Raises:
        ValueError: there are fewer frames than `num_frames_needed(tokens)`, or each path has probability zero.
    """
    if len(log_probs) < num_frames_needed(tokens):
        raise ValueError(f"{len(log_probs)} frames cannot spell {len(tokens)} tokens")
    if not tokens:
        return []
    rows = np.asarray(log_probs, np.float32)
    starts, ends, score = best_path(rows, np.array(tokens, dtype=np.int64), blank_id=BLANK_ID)
    if not score > -math.inf:
        raise ValueError("the tokens have probability zero: no path to align them with")
    spans = zip(starts.tolist(), ends.tolist(), tokens, strict=True)
    return [TokenSpan(start, end, min(1.0, math.exp(rows[start:end, token].max()))) for start, end, token in spans]


def path_score(
    log_probs: Float[np.ndarray, "frames vocab"], tokens: Sequence[int], spans: Sequence[TokenSpan]
) -> float:
    """The natural-log probability of the path that shows `tokens` in `spans`, and else blanks."""
    path = np.full(len(log_probs), BLANK_ID)
    for token, span in zip(tokens, spans, strict=True):
        path[span.start : span.end] = token
    return float(np.asarray(log_probs, np.float64)[np.arange(len(path)), path].sum())


def align_words(
    spans: Sequence[TokenSpan],
    words: Sequence[tuple[int, int]],
    *,
    seconds_per_frame: float,
    pauses: Sequence[Interval],
    duration: float,
) -> list[AlignedWord]:
    """When each word is said, in order and without overlap.

    `words` has for each word its first token and the one after its last (`asr.tokens.Tokens.word_spans`); `pauses` are
    those of the sound (`asr.alignment.pauses.find_pauses`), which is `duration` seconds long. Frame j is centred at
    j * `seconds_per_frame`: so are the windows of the features and the convolutions over them.
    """
    shown = [((span.start - 0.5) * seconds_per_frame, (span.end - 0.5) * seconds_per_frame) for span in spans]
    return [
        AlignedWord(start, end, word_confidence([span.confidence for span in spans[first:last]]))
        for (start, end), (first, last) in zip(word_times(shown, words, pauses, duration=duration), words, strict=True)
    ]
