"""A TextGrid of Praat (the long text format): a tier of words for each channel, with empty intervals between them."""

from collections.abc import Sequence
from typing import TypeAlias

from asr.formats.document import Document
from asr.transcript import Word

_DIGITS = 6  # of seconds: microseconds

Interval: TypeAlias = tuple[float, float, str]


def body(document: Document) -> str:
    """Tiers of intervals that cover 0 to the duration completely; none is empty."""
    duration = round(document.duration, _DIGITS)
    head = (
        f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {_seconds(duration)}\n'
        f"tiers? <exists>\nsize = {len(document.channels)}\nitem []:\n"
    )
    tiers = [
        _tier(number, f"{document.label(transcript.channel)}words", _intervals(transcript.words, duration))
        for number, transcript in enumerate(document.channels, start=1)
    ]
    return head + "".join(tiers)


def _tier(number: int, name: str, intervals: Sequence[Interval]) -> str:
    head = (
        f'    item [{number}]:\n        class = "IntervalTier"\n        name = "{name}"\n        xmin = 0\n'
        f"        xmax = {_seconds(intervals[-1][1])}\n        intervals: size = {len(intervals)}\n"
    )
    return head + "".join(
        f"        intervals [{number}]:\n            xmin = {_seconds(start)}\n            xmax = {_seconds(end)}\n"
        f'            text = "{text.replace(chr(34), chr(34) * 2)}"\n'
        for number, (start, end, text) in enumerate(intervals, start=1)
    )


def _intervals(words: Sequence[Word], duration: float) -> list[Interval]:
    """The words and the gaps between them. A word without length, for which there is no interval, shares that of the
    next word, or of the one before."""
    intervals: list[Interval] = []
    reached, waiting = 0.0, ""
    for word in words:
        start, end = max(reached, round(word.start, _DIGITS)), min(duration, round(word.end, _DIGITS))
        text = f"{waiting} {word.text}".strip()
        if end <= start:
            waiting = text
            continue
        if start > reached:
            intervals.append((reached, start, ""))
        intervals.append((start, end, text))
        reached, waiting = end, ""
    if waiting and intervals:
        start, end, text = intervals.pop()
        intervals.append((start, end, f"{text} {waiting}"))
    if reached < duration or not intervals:
        intervals.append((reached, duration, waiting if not intervals else ""))
    return intervals


def _seconds(value: float) -> str:
    """Without exponent, which Praat would not read."""
    return f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")
