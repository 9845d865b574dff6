"""Where words start and end: the frames that show their tokens, corrected by audible pauses.

A CTC model learns in which order tokens come, and little about when. It shows a token for a frame or two somewhere near
its sound, but the first and last tokens of an utterance often far out in the surrounding silence. So the frames say
roughly where words meet, the level of the sound says where nobody speaks, and words are kept out of pauses.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from asr.alignment.pauses import Interval

_Times: TypeAlias = npt.NDArray[np.float64]  # (items, 2): start and end of each, in seconds

_REACH = 0.2  # seconds that a word may sound before its first token shows, or after its last one
_MISPLACED = 0.1  # seconds by which a token may show beyond the pause that it belongs before (or after)
_SHORTEST = 0.02  # seconds, the shortest that a word may become
_SPACING = 0.8  # how close a pause may push tokens together, as a share of the lower quartile of their distances


def word_times(
    shown: Sequence[Interval], words: Sequence[tuple[int, int]], pauses: Sequence[Interval], *, duration: float
) -> list[Interval]:
    """Start and end of each word, in seconds: in order, without overlap, inside the sound.

    `shown` has for each token the time of the frames that show it, in order and without overlap; `words` has for each
    word its first token and the one after its last. Two words meet half way between their tokens, if these are not far
    apart. Words are kept out of pauses; a pause that fits between no two words is ignored.
    """
    if not words:
        return []
    first, end = np.array(words, dtype=np.int64).T
    tokens = np.clip(np.array(shown, dtype=np.float64), 0.0, duration)
    gaps = np.diff(tokens[:, 0])
    spacing = _SPACING * float(np.quantile(gaps, 0.25)) if len(gaps) else 0.0
    layout = _Layout(tokens, first, end - 1, {}, duration, spacing)
    for pause in pauses:
        layout = min(layout.with_pause(pause), key=partial(_Layout.movement, shown=layout.tokens), default=layout)
    return [(float(start), float(end)) for start, end in layout.times()]


@dataclass(frozen=True, slots=True)
class _Layout:
    """When each token shows, the first and last token of each word, and the pause before word i, or after the last.

    `spacing` is how close moved tokens may come to each other, in seconds.
    """

    tokens: _Times
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    pauses: Mapping[int, Interval]
    duration: float
    spacing: float

    def edges(self) -> _Times:
        """When each word shows."""
        return np.column_stack([self.tokens[self.first, 0], self.tokens[self.last, 1]])

    def times(self) -> _Times:
        """When each word sounds: it grows until it meets a pause or the next word, at most by `_REACH`."""
        edges = self.edges()
        before = np.concatenate([[0.0], (edges[:-1, 1] + edges[1:, 0]) / 2, [self.duration]])
        after = before.copy()
        for word, pause in self.pauses.items():
            before[word], after[word] = pause
        starts, ends = np.maximum(after[:-1], edges[:, 0] - _REACH), np.minimum(before[1:], edges[:, 1] + _REACH)
        return np.column_stack([starts, ends])

    def lengths(self) -> npt.NDArray[np.float64]:
        """Seconds that each word sounds."""
        times = self.times()
        return times[:, 1] - times[:, 0]

    def movement(self, shown: _Times) -> float:
        """By how much the tokens are moved away from where they show."""
        return float(np.abs(self.tokens - shown).sum())

    def with_pause(self, pause: Interval) -> Iterator["_Layout"]:
        """One layout for each word that the pause may stand before; none where it would cut through words."""
        edges = self.edges()
        too_late = np.concatenate([[-np.inf], edges[:, 1]]) - pause[1]
        too_early = pause[0] - np.concatenate([edges[:, 0], [np.inf]])
        shortest = np.minimum(_SHORTEST, self.lengths())
        for word in np.flatnonzero(np.maximum(too_late, 0) + np.maximum(too_early, 0) <= _MISPLACED).tolist():
            whole = (self.pauses.get(word, pause)[0], pause[1])  # with a pause that is there already, merged
            layout = replace(self, tokens=self._parted(word, whole), pauses={**self.pauses, word: whole})
            if (layout.lengths() >= shortest).all():
                yield layout

    def _parted(self, word: int, pause: Interval) -> _Times:
        """The tokens with those of `word` and later ones after the pause, and all others before it."""
        tokens, spacing = self.tokens.copy(), self.spacing
        if word < len(self.first):
            later = tokens[self.first[word] :]
            later[:] = _put_off(later, pause[1], spacing)
        if word > 0:
            earlier = tokens[: self.last[word - 1] + 1]
            earlier[:] = -_put_off(-earlier[::-1, ::-1], -pause[0], spacing)[::-1, ::-1]
        return tokens


def _put_off(tokens: _Times, earliest: float, spacing: float) -> _Times:
    """Move the first token to `earliest` if it shows before that, and push the following ones back to keep `spacing`,
    until one needs no move.
    """
    delays = earliest + spacing * np.arange(len(tokens)) - tokens[:, 0]
    in_time = np.flatnonzero(delays <= 0)
    delays[in_time[0] if len(in_time) else len(tokens) :] = 0.0
    moved = tokens + delays[:, None]
    moved[:-1, 1] = np.minimum(moved[:-1, 1], moved[1:, 0])
    return moved
