"""The record that comes out of recognition, and its views."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Word:
    """A word, its `start` and `end` in seconds, and how sure the model is of it, from 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said. `duration` of the sound in seconds. `score` compares hypotheses of one sound: the natural log of
    the text's probability, plus what language model and hot words add to it, so that it can be above 0.
    """

    text: str
    words: tuple[Word, ...]
    duration: float
    score: float

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and strings; times rounded to the millisecond."""
        record = asdict(self)
        record["duration"] = round(self.duration, 3)
        record["words"] = [
            {**word, **{key: round(word[key], 3) for key in ("start", "end", "confidence")}} for word in record["words"]
        ]
        return record

    def to_ctm(self, id: str, *, channel: str = "1") -> str:
        """Lines of NIST's CTM format: `id channel start duration word confidence`, seconds to the millisecond.

        Spaces part the columns, so white space in `id` is written as an underline.
        """
        name = "_".join(id.split())
        lines = []
        for word in self.words:
            start, end = round(word.start, 3), round(word.end, 3)
            lines.append(f"{name} {channel} {start:.3f} {end - start:.3f} {word.text} {word.confidence:.3f}\n")
        return "".join(lines)

    def to_textgrid(self) -> str:
        """A TextGrid of Praat (the long text format), with one tier, `words`: empty intervals stand between the words.

        An interval has to have a length: a word without one is left out.
        """
        intervals = _intervals([word for word in self.words if word.end > word.start], self.duration)
        tier = f"xmin = 0\n        xmax = {self.duration}\n        intervals: size = {len(intervals)}\n"
        head = (
            f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {self.duration}\n'
            "tiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n"
            f'        class = "IntervalTier"\n        name = "words"\n        {tier}'
        )
        return head + "".join(
            f"        intervals [{number}]:\n            xmin = {start}\n            xmax = {end}\n"
            f'            text = "{text}"\n'
            for number, (start, end, text) in enumerate(intervals, start=1)
        )


def _intervals(words: Sequence[Word], duration: float) -> list[tuple[float, float, str]]:
    """The words and what is between them: start, end and text, from 0 to `duration` without a gap."""
    intervals, reached = [], 0.0
    for word in words:
        if word.start > reached:
            intervals.append((reached, word.start, ""))
        intervals.append((word.start, word.end, word.text.replace('"', '""')))
        reached = word.end
    if reached < duration:
        intervals.append((reached, duration, ""))
    return intervals
