"""Prefix beam search: the likeliest text, summed over all its paths (Graves 2012, 7.5.3; Hannun et al. 2014)."""

import math
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from asr.errors import SearchError
from asr.search.hypothesis import Hypothesis, check_log_probs

BLANK_ID = 0
_NEVER = -math.inf


@dataclass(slots=True)
class _Beam:
    """A prefix: the log-probability of its paths that end in blank and of those that end in its last token."""

    blank: float = _NEVER
    token: float = _NEVER
    frames: tuple[int, ...] = field(default=())

    @property
    def total(self) -> float:
        return _log_add(self.blank, self.token)


def prefix_beam_search(
    log_probs: Float[Tensor, "frames vocab"], *, beam_width: int, num_best: int = 1
) -> list[Hypothesis]:
    """The `num_best` likeliest token sequences, best first; scores are log-probabilities summed over paths.

    Exact when `beam_width` is at least the number of prefixes; `frames` are those at which a prefix first grew.

    Raises:
        SearchError: the rows are not log-probabilities, or a width below one.
    """
    if beam_width < 1 or num_best < 1:
        raise SearchError(f"beam_width is {beam_width} and num_best {num_best}; expected one or more")
    check_log_probs(log_probs)
    beams: dict[tuple[int, ...], _Beam] = {(): _Beam(blank=0.0)}
    for frame, row in enumerate(log_probs.tolist()):
        beams = _prune(_extend(beams, row, frame), beam_width)
    ranked = sorted(beams.items(), key=lambda item: (-item[1].total, item[0]))
    return [Hypothesis(prefix, beam.total, beam.frames) for prefix, beam in ranked[:num_best]]


def _extend(beams: dict[tuple[int, ...], _Beam], row: list[float], frame: int) -> dict[tuple[int, ...], _Beam]:
    """All prefixes after one more frame. A repeated token only grows the prefix after a blank."""
    grown: dict[tuple[int, ...], _Beam] = {}
    for prefix, beam in beams.items():
        last = prefix[-1] if prefix else BLANK_ID
        total = beam.total
        stay = grown.setdefault(prefix, _Beam())
        stay.frames = beam.frames
        stay.blank = _log_add(stay.blank, total + row[BLANK_ID])
        for token, log_prob in enumerate(row):
            if token == BLANK_ID or log_prob == _NEVER:
                continue
            if token == last:
                stay.token = _log_add(stay.token, beam.token + log_prob)
            longer = grown.setdefault((*prefix, token), _Beam(frames=(*beam.frames, frame)))
            before = beam.blank if token == last else total
            longer.token = _log_add(longer.token, before + log_prob)
    return grown


def _prune(beams: dict[tuple[int, ...], _Beam], beam_width: int) -> dict[tuple[int, ...], _Beam]:
    possible = [item for item in beams.items() if item[1].total > _NEVER]
    possible.sort(key=lambda item: (-item[1].total, item[0]))
    return dict(possible[:beam_width])


def _log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b)) without overflow."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))
