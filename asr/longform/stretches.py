"""Where a recording is cut: at pauses, along the stream, with bounded memory and look-ahead.

A model hears each stretch as an utterance of its own, as in training; joined sentences are often not what it knows
(docs/decisions/0013-stretches-and-windows.md).
"""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from asr.alignment.pauses import BLOCK, MIN_PAUSE, blocks_of, levels_of, noise_and_speech, silent_runs
from asr.longform.windows import HOP_UNIT, Window, WindowPlan
from asr.transcript import LONG_PAUSE

_Silence: TypeAlias = tuple[int, int]  # [first, end) in blocks of 0.01 s, from the first sample in memory on

# In blocks of 0.01 s, which are `HOP_UNIT` samples:
_RATE = round(1 / BLOCK)
_LONG_PAUSE = round(LONG_PAUSE * _RATE)  # always cut, and shortened to twice `_EDGE`
_PAUSE = round(0.3 * _RATE)  # cut, if the stretch is not too short
_ANY_PAUSE = round(MIN_PAUSE * _RATE)  # cut, if the stretch is too long
_SHORTEST, _USUAL = round(1.0 * _RATE), round(6.0 * _RATE)  # length of a stretch
_EDGE = round(0.3 * _RATE)  # silence kept at each end of a stretch beside a longer pause
_SEEN = round(60.0 * _RATE)  # levels are compared with those of so much sound before and behind
_FORGETTING = 1.0 / 60 / _RATE  # dB a block, by which the level of earlier speech falls when there is none


class StretchCutter:
    """Cuts a recording that comes in pieces of any length into stretches, as windows for the network.

    The cuts depend on the minute before and the minute behind, never on the pieces. Long pauses are left out but for
    their edges. A stretch without a pause for longer than a window comes as several windows.
    """

    def __init__(self, plan: WindowPlan) -> None:
        self._plan = plan
        self._samples = np.zeros(0, np.float32)  # not cut off yet: those from number `_start` of the recording on
        self._start = 0
        self._blocks = np.zeros((0, 2), np.float32)  # of these samples, after `_num_past` of earlier ones
        self._num_past = 0
        self._speech_level = -np.inf  # dB
        self._in_stretch = False  # the present stretch has given a window already

    def accept(self, samples: Float[np.ndarray, "samples"]) -> Iterator[Window]:
        """Take the next samples (16 kHz, mono, in [-1, 1]), and give the windows that are certain now."""
        self._samples = np.concatenate([self._samples, np.asarray(samples, np.float32)])
        self._measure()
        while len(self._samples) > _SEEN * HOP_UNIT:
            yield from self._next(_SEEN, is_end=False)

    def finish(self) -> Iterator[Window]:
        """The remaining windows, when the recording has ended."""
        while len(self._samples):
            num_seen = -(-len(self._samples) // HOP_UNIT)
            yield from self._next(min(num_seen, _SEEN), is_end=num_seen <= _SEEN)

    def _next(self, num_seen: int, *, is_end: bool) -> Iterator[Window]:
        """Cut off what comes next, given so many blocks, of which the last may be incomplete at the end."""
        silences = self._silences(num_seen, is_end)
        if self._in_stretch:
            begin = 0
            cut = _first_pause(silences, after=self._plan.unused_rows * self._plan.step // HOP_UNIT)
        else:
            lead = silences.pop(0)[1] if silences and silences[0][0] == 0 else 0
            if lead == num_seen:
                self._drop(num_seen if is_end else num_seen - _EDGE)
                return
            begin = max(0, lead - _EDGE) if lead >= _LONG_PAUSE else 0
            longest = begin + self._plan.length // HOP_UNIT - _EDGE
            cut = _best_pause(silences, speech=lead, longest=longest, end=num_seen)
        end, following = _around(cut, num_seen) if cut else (num_seen, num_seen)
        is_last = (cut is not None or is_end) and (end - begin) * HOP_UNIT <= self._plan.length
        if not is_last:
            end, following = begin + -(-self._plan.length // HOP_UNIT), begin + self._plan.hop // HOP_UNIT
        samples = self._samples[begin * HOP_UNIT : end * HOP_UNIT]
        samples = samples.copy() if is_last else samples[: self._plan.length].copy()
        start = self._start + begin * HOP_UNIT
        yield self._plan.window(start, samples, is_first=not self._in_stretch, is_last=is_last)
        self._in_stretch = not is_last
        self._drop(following)

    def _measure(self) -> None:
        """Blocks of the samples that have none yet."""
        measured = (len(self._blocks) - self._num_past) * HOP_UNIT
        whole = len(self._samples) // HOP_UNIT * HOP_UNIT
        self._blocks = np.concatenate([self._blocks, blocks_of(self._samples[measured:whole], HOP_UNIT)])

    def _silences(self, num_seen: int, is_end: bool) -> list[_Silence]:
        """Silences of any length among the blocks that are seen."""
        blocks = self._blocks[: self._num_past + num_seen]
        levels = levels_of(blocks, float(blocks[:, 0].mean(dtype=np.float64)) if len(blocks) else 0.0)
        floor, speech = noise_and_speech(levels)
        self._speech_level = max(self._speech_level, speech)
        runs = silent_runs(levels, floor, self._speech_level)
        found = [(max(0, first - self._num_past), end - self._num_past) for first, end in runs]
        if is_end and found and found[-1][1] == len(blocks) - self._num_past:
            found[-1] = (found[-1][0], num_seen)  # with an incomplete block at the end
        return [(first, end) for first, end in found if end > first]

    def _drop(self, num_blocks: int) -> None:
        """Forget the first blocks, but for their levels."""
        self._samples = self._samples[num_blocks * HOP_UNIT :]
        self._start += num_blocks * HOP_UNIT
        self._num_past = min(self._num_past + num_blocks, len(self._blocks))
        surplus = max(0, self._num_past - _SEEN)
        self._blocks, self._num_past = self._blocks[surplus:], self._num_past - surplus
        self._speech_level -= _FORGETTING * num_blocks


def _first_pause(silences: list[_Silence], *, after: int) -> _Silence | None:
    """The first pause of which enough comes after a block."""
    later = ((max(first, after), end) for first, end in silences)
    return next(((first, end) for first, end in later if end - first >= _ANY_PAUSE), None)


def _best_pause(silences: list[_Silence], *, speech: int, longest: int, end: int) -> _Silence | None:
    """Where a stretch whose `speech` begins at a block ends: at the first pause that is long, or, once it has become
    too long, at the longest one so far; None if there is none before the block `longest`.
    """
    best: _Silence | None = None
    for number, (first, last) in enumerate(silences):
        if first > longest or (best and first - speech > _USUAL):
            break
        length = last - first
        if length >= _LONG_PAUSE:
            return first, last
        if last == end or first - speech < _SHORTEST or _rest(silences[number:], end) < _SHORTEST:
            continue
        if length >= _PAUSE:
            return first, last
        if length >= _ANY_PAUSE and (best is None or length > best[1] - best[0]):
            best = first, last
    return best if end - speech > _USUAL else None


def _rest(silences: list[_Silence], end: int) -> int:
    """How many blocks follow the first silence before the next long one, or the end."""
    following = (first for first, last in silences[1:] if last - first >= _LONG_PAUSE)
    return next(following, end) - silences[0][1]


def _around(pause: _Silence, end: int) -> tuple[int, int]:
    """Where the stretch before a pause ends, and what comes after it begins."""
    first, last = pause
    kept = min(_EDGE, (last - first) // 2)
    return first + kept, max(first + kept, last - _EDGE)
