"""Prefix beam search: the likeliest text, summed over all its paths (Graves 2012, 7.5.3; Hannun et al. 2014)."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

from asr.errors import SearchError
from asr.search.hypothesis import BLANK_ID, Hypothesis, check_log_probs

_NEVER = -math.inf


@dataclass(slots=True)
class _Paths:
    """A set of paths: the log-probability of all of them, that of the likeliest, and where its tokens start."""

    total: float = _NEVER
    likeliest: float = _NEVER
    frames: tuple[int, ...] = ()

    def add(self, total: float, likeliest: float, frames: tuple[int, ...]) -> None:
        self.total = _log_add(self.total, total)
        if likeliest > self.likeliest:
            self.likeliest, self.frames = likeliest, frames


@dataclass(slots=True)
class _Beam:
    """The paths that write one prefix: those that end in blank, and those that end in its last token."""

    blank: _Paths = field(default_factory=_Paths)
    token: _Paths = field(default_factory=_Paths)

    @property
    def total(self) -> float:
        return _log_add(self.blank.total, self.token.total)

    def all_paths(self) -> _Paths:
        likelier = self.blank if self.blank.likeliest > self.token.likeliest else self.token
        return _Paths(self.total, likelier.likeliest, likelier.frames)


_Beams: TypeAlias = dict[tuple[int, ...], _Beam]


def prefix_beam_search(
    log_probs: Float[Tensor, "frames vocab"], *, beam_width: int, num_best: int = 1
) -> list[Hypothesis]:
    """The `num_best` likeliest token sequences, best first; scores are log-probabilities summed over paths.

    Exact when `beam_width` is at least the number of prefixes. `frames` are those of the likeliest path.

    Raises:
        SearchError: the rows are not log-probabilities, or a width below one.
    """
    if beam_width < 1 or num_best < 1:
        raise SearchError(f"beam_width is {beam_width} and num_best {num_best}; expected one or more")
    check_log_probs(log_probs)
    beams: _Beams = {(): _Beam(blank=_Paths(total=0.0, likeliest=0.0))}
    for frame, row in enumerate(log_probs.tolist()):
        beams = _best(_extend(beams, row, frame, beam_width), beam_width)
    return [
        Hypothesis(prefix, min(0.0, beam.total), beam.all_paths().frames)  # rounding can bring log 1 above 0
        for prefix, beam in list(beams.items())[:num_best]
    ]


def _extend(beams: _Beams, row: list[float], frame: int, beam_width: int) -> _Beams:
    """All prefixes after one more frame, but for those that are sure not to be among the `beam_width` best."""
    extended = {prefix: _stay(prefix, beam, row) for prefix, beam in beams.items()}
    least = min(beam.total for beam in extended.values()) if len(beams) == beam_width else _NEVER
    known_ends: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
    for prefix in filter(None, beams):
        known_ends[prefix[:-1]].add(prefix[-1])
    for prefix, beam in beams.items():
        everything = beam.all_paths()
        for token, log_prob in enumerate(row):
            # A repeat only grows the prefix after a blank.
            before = beam.blank if prefix and token == prefix[-1] else everything
            total = before.total + log_prob
            if token == BLANK_ID or total == _NEVER or (total < least and token not in known_ends[prefix]):
                continue
            longer = extended.setdefault((*prefix, token), _Beam())
            longer.token.add(total, before.likeliest + log_prob, (*before.frames, frame))
    return extended


def _stay(prefix: tuple[int, ...], beam: _Beam, row: list[float]) -> _Beam:
    """The same prefix after one more frame: a blank, or its last token held on."""
    stay, everything = _Beam(), beam.all_paths()
    stay.blank.add(everything.total + row[BLANK_ID], everything.likeliest + row[BLANK_ID], everything.frames)
    if prefix:
        log_prob = row[prefix[-1]]
        stay.token.add(beam.token.total + log_prob, beam.token.likeliest + log_prob, beam.token.frames)
    return stay


def _best(beams: _Beams, beam_width: int) -> _Beams:
    """The likeliest prefixes, best first; those of equal probability in the order of their tokens."""
    totals = {prefix: beam.total for prefix, beam in beams.items()}
    possible = [prefix for prefix, total in totals.items() if total > _NEVER]
    possible.sort(key=lambda prefix: (-totals[prefix], prefix))
    return {prefix: beams[prefix] for prefix in possible[:beam_width]}


def _log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b)) without overflow."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))
