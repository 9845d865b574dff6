"""The likeliest CTC path of a token sequence: exact, over all paths, in little memory.

After each frame a path is at a place p, from 0 to the number of tokens: p tokens have begun, and the frame shows either
the last of them or a blank (Graves et al. 2006, section 4.1). The scores of all places are kept only every `_SEGMENT`
frames. On the way back each segment is computed once more from its beginning, only for the places that can lead to
where the path goes on, as at most one token begins per frame. Time grows with frames times tokens.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from asr.compiled import kernel

_Ints: TypeAlias = npt.NDArray[np.int64]
_Scores: TypeAlias = npt.NDArray[np.float64]
_LogProbs: TypeAlias = npt.NDArray[np.float32]
_SEGMENT = 1024  # frames; even, see `_forward`
_BLANK, _TOKEN = 0, 1  # what a frame shows


def best_path(log_probs: _LogProbs, tokens: _Ints, *, blank_id: int) -> tuple[_Ints, _Ints, float]:
    """For each token the first frame that shows it and the one after the last, and the path's log-probability.

    `log_probs` is (frames, vocab), natural logarithms. The log-probability is minus infinity if no path spells the
    tokens; the frames are meaningless then.
    """
    log_probs = np.ascontiguousarray(log_probs)
    place_tokens, step_costs = _places(tokens, blank_id)
    kept, last = _forward(log_probs, place_tokens, step_costs, blank_id)
    starts, ends = np.zeros((2, len(tokens)), dtype=np.int64)
    place, shown = len(tokens), int(last[_TOKEN, -1] > last[_BLANK, -1])
    score = float(last[shown, -1])
    for segment in reversed(range(len(kept) if score > -np.inf else 0)):
        rows = log_probs[segment * _SEGMENT : (segment + 1) * _SEGMENT]
        low = max(0, place - len(rows))
        there = slice(low, place + 1)
        scores = np.full((len(rows) + 1, 2, place + 1 - low), -np.inf)
        scores[0] = kept[segment][:, there]
        _advance(scores, rows, place_tokens[there], step_costs[there], blank_id, len(rows), len(rows))
        shown, place = _trace(scores, step_costs, segment * _SEGMENT, low, shown, place, starts, ends)
    return starts, ends, score


def _places(tokens: _Ints, blank_id: int) -> tuple[_Ints, _Scores]:
    """The token of each place (the blank for place 0), and what it costs to begin it right after the token before:
    nothing, or minus infinity for an equal token, since the two need a blank between them.
    """
    place_tokens = np.concatenate([[blank_id], tokens]).astype(np.int64)
    step_costs = np.zeros(len(place_tokens))
    step_costs[1:][place_tokens[1:] == place_tokens[:-1]] = -np.inf
    return place_tokens, step_costs


def _forward(
    log_probs: _LogProbs, place_tokens: _Ints, step_costs: _Scores, blank_id: int
) -> tuple[list[_Scores], _Scores]:
    """Scores (2, places) before each segment, and after the last frame."""
    scores = np.full((2, 2, len(place_tokens)), -np.inf)  # used in turn; each segment begins with the first of the two
    scores[0, _BLANK, 0] = 0.0
    kept = []
    for start in range(0, len(log_probs), _SEGMENT):
        kept.append(scores[0].copy())
        rows = log_probs[start : start + _SEGMENT]
        _advance(scores, rows, place_tokens, step_costs, blank_id, start, len(log_probs) - start)
    return kept, scores[len(log_probs) % 2]


@kernel
def _advance(  # noqa: PLR0917 (compiled code takes arguments by place)
    scores: _Scores,
    log_probs: _LogProbs,
    place_tokens: _Ints,
    step_costs: _Scores,
    blank_id: int,
    num_before: int,
    num_left: int,
) -> None:
    """The scores after each frame, from `scores[0]` before the first: written to the two halves of `scores` in turn.

    `num_before` and `num_left` count the frames of the utterance before these and from these on. Places that
    cannot be reached yet, and those from which the end cannot be reached any more, are left out.
    """
    num_places = len(place_tokens)
    for frame in range(len(log_probs)):
        before, after = scores[frame % len(scores)], scores[(frame + 1) % len(scores)]
        row = log_probs[frame]
        blank = row[blank_id]
        low, high = num_places - num_left + frame, min(num_places, num_before + frame + 2)
        if low <= 0:
            after[_BLANK, 0] = before[_BLANK, 0] + blank
        for place in range(max(1, low), high):
            repeated, waited = before[_TOKEN, place], before[_BLANK, place]
            after[_BLANK, place] = (repeated if repeated > waited else waited) + blank
            paused, stepped = before[_BLANK, place - 1], before[_TOKEN, place - 1] + step_costs[place]
            best = repeated if repeated > paused else paused
            after[_TOKEN, place] = (best if best > stepped else stepped) + row[place_tokens[place]]


@kernel
def _trace(  # noqa: PLR0917
    scores: _Scores,
    step_costs: _Scores,
    start: int,
    low: int,
    shown: int,
    place: int,
    starts: _Ints,
    ends: _Ints,
) -> tuple[int, int]:
    """Follow the path back through a segment: from what is `shown` at `place` after it to the same before it.

    `scores[i]` are those before frame `start + i`, for the places from `low` on. Writes `starts` and `ends`.
    """
    for frame in range(len(scores) - 2, -1, -1):
        repeated, waited = scores[frame, _TOKEN, place - low], scores[frame, _BLANK, place - low]
        if shown == _BLANK:
            shown = _TOKEN if repeated > waited else _BLANK
            continue
        starts[place - 1] = start + frame
        ends[place - 1] = max(ends[place - 1], start + frame + 1)
        paused = scores[frame, _BLANK, place - 1 - low]
        stepped = scores[frame, _TOKEN, place - 1 - low] + step_costs[place]
        if paused > repeated or stepped > repeated:
            shown = _TOKEN if stepped > paused else _BLANK
            place -= 1
    return shown, place
