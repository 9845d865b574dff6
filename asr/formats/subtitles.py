"""Words -> cues, the pieces of text that subtitles show, by the usual rules of broadcasters:

at most 42 characters a line and two lines; 1 to 7 seconds, and at most 17 characters a second where speech allows;
never two cues at once; cut at pauses, after sentences and before conjunctions; lines of about the same length; no word
left alone. A cue starts with its first word and stays to the end of its last, longer only to be read, so that the
screen is empty in a pause. All times are whole milliseconds, rounded once.

Stages: words -> pieces that fit into a line (`pieces.py`) -> cues, by the cheapest way to cut (`_cuts`) -> lines.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from asr.formats.document import Document
from asr.formats.pieces import Piece, joined, pieces_of

LINE_WIDTH = 42  # characters; wide ones, such as Chinese, count as two
SHORTEST, LONGEST = 1000, 7000  # milliseconds
READING_SPEED = 17  # characters a second
_LONG_PAUSE = 1000  # ms, in which the screen is always empty for a while
_PAUSE = 600  # ms, about the end of a sentence
_TOGETHER = 500  # ms; cues of two channels that begin within are shown as one

# What a cut costs, in units of one more cue.
_ALONE, _INSIDE_WORD, _TOO_SHORT = 8.0, 6.0, 12.0
_AT_PAUSE, _AFTER_SENTENCE, _AFTER_COMMA, _BEFORE_CONJUNCTION, _AFTER_CONJUNCTION = -3.0, -2.0, -0.5, -0.5, 1.5

_SENTENCE_ENDS, _COMMAS = tuple(".!?…。！？"), tuple(",;:、，；：")
_CONJUNCTIONS = {
    "and",
    "but",
    "or",
    "nor",
    "so",
    "yet",
    "because",
    "although",
    "though",
    "while",
    "when",
    "where",
    "if",
}
_CONJUNCTIONS |= {"unless", "until", "since", "that", "which", "who", "than", "as"}


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines of text, shown from `start` to `end`, in milliseconds."""

    start: int
    end: int
    lines: tuple[str, ...]


def cues_of(document: Document) -> list[Cue]:
    """The cues of a recording, by their start; they never overlap, and none lasts beyond the sound."""
    cues: list[Cue] = []
    for transcript in document.printed.channels:
        label = document.label(transcript.channel)
        end = int(1000 * transcript.duration)
        pieces = pieces_of(transcript.words, end, LINE_WIDTH - len(label))
        cues += _cues_of_channel(pieces, end, label)
    return _one_after_the_other(sorted(cues, key=lambda cue: cue.start))


def clock(milliseconds: int, point: str) -> str:
    """Hours, minutes, seconds and milliseconds: 00:00:01,000; hours go on beyond 99."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"


def _cues_of_channel(pieces: Sequence[Piece], end: int, label: str) -> Iterator[Cue]:
    for run, run_end in _runs(pieces, end):
        starts = [0, *_cuts(run, run_end, LINE_WIDTH - len(label)), len(run)]
        for first, last in pairwise(starts):
            shown = run[first:last]
            limit = run[last].start if last < len(run) else run_end
            lines = _lines(shown, LINE_WIDTH - len(label))
            yield Cue(shown[0].start, _end_of(shown, limit), (label + lines[0], *lines[1:]))


def _runs(pieces: Sequence[Piece], end: int) -> Iterator[tuple[Sequence[Piece], int]]:
    """Pieces without a long pause between them, and the time until which the last of them may be shown."""
    first = 0
    for number, (piece, following) in enumerate(pairwise(pieces), start=1):
        if following.start - piece.end >= _LONG_PAUSE:
            yield pieces[first:number], following.start
            first = number
    if pieces:
        yield pieces[first:], end


def _end_of(shown: Sequence[Piece], limit: int) -> int:
    """When a cue that has to be gone at `limit` disappears."""
    start = shown[0].start
    wanted = max(shown[-1].end, start + _reading_time(shown[-1].right - shown[0].left))
    return min(wanted, start + LONGEST, limit)


def _reading_time(width: int) -> int:
    return max(SHORTEST, -(-1000 * width // READING_SPEED))


def _cuts(run: Sequence[Piece], end: int, line_width: int) -> list[int]:
    """Before which pieces a new cue begins, by dynamic programming over the cheapest way to cut what is before each."""
    best, before = [0.0], [0]
    for last in range(1, len(run) + 1):
        limit = run[last].start if last < len(run) else end
        cut = _cost_of_cut(run, last) if last < len(run) else 0.0
        ways = [
            (best[first] + cut + _cost_of_cue(run, first, last, limit), first)
            for first in _beginnings(run, last, line_width)
        ]
        cost, first = min(ways)
        best.append(cost)
        before.append(first)
    cuts = []
    last = before[len(run)]
    while last:
        cuts.append(last)
        last = before[last]
    return cuts[::-1]


def _beginnings(run: Sequence[Piece], last: int, line_width: int) -> Iterator[int]:
    """The pieces with which a cue may begin that ends before piece number `last`: those from which on the text fits
    into two lines, and is said in time; one piece always does."""
    end = run[last - 1]
    second_line = last - 1
    while second_line and end.right - run[second_line - 1].left <= line_width:
        second_line -= 1
    for first in range(last - 1, -1, -1):
        fits = first >= second_line or run[second_line - 1].right - run[first].left <= line_width
        if first < last - 1 and not (fits and end.end - run[first].start <= LONGEST):
            return
        yield first


def _cost_of_cue(run: Sequence[Piece], first: int, last: int, limit: int) -> float:
    """Of the pieces from `first` to before `last`, which have to be gone at `limit`."""
    lacking = max(0.0, 1 - (limit - run[first].start) / _reading_time(run[last - 1].right - run[first].left))
    is_alone = last - first == 1 < len(run)
    return 1.0 + _TOO_SHORT * lacking**2 + _ALONE * is_alone


def _cost_of_cut(run: Sequence[Piece], at: int) -> float:
    """What it costs to begin a cue, or a line, with piece number `at`."""
    before, after = run[at - 1], run[at]
    if after.continues:
        return _INSIDE_WORD
    pause = min(max(0, after.start - before.end), _PAUSE) / _PAUSE
    cost = _AT_PAUSE * pause**2
    if before.text.endswith(_SENTENCE_ENDS):
        cost += _AFTER_SENTENCE
    elif before.text.endswith(_COMMAS):
        cost += _AFTER_COMMA
    if after.text.lower() in _CONJUNCTIONS:
        cost += _BEFORE_CONJUNCTION
    return cost + (_AFTER_CONJUNCTION if before.text.lower() in _CONJUNCTIONS else 0.0)


def _lines(shown: Sequence[Piece], line_width: int) -> tuple[str, ...]:
    """One line if the text fits, else two of about the same width."""
    if len(shown) == 1 or shown[-1].right - shown[0].left <= line_width:
        return (joined(shown),)

    def cost(at: int) -> float:
        above, below = shown[at - 1].right - shown[0].left, shown[-1].right - shown[at].left
        too_wide = 1000.0 * (max(above, below) > line_width)
        return too_wide + abs(above - below) / 4 + _cost_of_cut(shown, at)

    at = min(range(1, len(shown)), key=cost)
    return joined(shown[:at]), joined(shown[at:])


def _one_after_the_other(cues: Sequence[Cue]) -> list[Cue]:
    """Cues of several channels, by their start: each ends when the next begins; those that begin together are one."""
    shown: list[Cue] = []
    for cue in cues:
        if shown and cue.start - shown[-1].start < _TOGETHER and cue.start < shown[-1].end:
            before = shown.pop()
            shown.append(Cue(before.start, max(before.end, cue.end), before.lines + cue.lines))
            continue
        if shown and shown[-1].end > cue.start:
            shown[-1] = replace(shown[-1], end=cue.start)
        shown.append(cue)
    return shown
