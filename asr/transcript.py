"""The result of recognition. Its output formats: `asr/formats/`."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

LONG_PAUSE = 0.6  # seconds; between sentences rather than within them


@dataclass(frozen=True, slots=True)
class Word:
    """A word, its `start` and `end` in seconds, and the model's confidence in it, from 0 to 1.

    `written`: as it is printed, with capitals and marks; empty if the word before stands for it, too (TWENTY THREE is
    23); None if nothing is known of it but `text`.
    """

    text: str
    start: float
    end: float
    confidence: float
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A group of words, such as those between two long pauses; never empty."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end


def segments_of(words: Sequence[Word], pauses: Sequence[tuple[float, float]]) -> tuple[Segment, ...]:
    """Words cut where a pause of the sound (start and end in seconds) of `LONG_PAUSE` or longer lies between two."""
    middles = sorted((start + end) / 2 for start, end in pauses if end - start >= LONG_PAUSE)
    segments: list[list[Word]] = []
    for word in words:
        if segments and bisect_left(middles, segments[-1][-1].end) == bisect_right(middles, word.start):
            segments[-1].append(word)
        else:
            segments.append([word])
    return tuple(Segment(tuple(segment)) for segment in segments)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, in order of time.

    `duration` of the sound in seconds. `score` compares hypotheses of one sound: the natural log of the text's
    probability, plus what language model and hot words add to it, so that it can be above 0. `source` names the sound,
    if it has a name, and `channel` counts from 1 if one of several was used.
    """

    segments: tuple[Segment, ...]
    duration: float
    score: float
    source: str = ""
    channel: int = 1

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)

    def printed(self) -> "Transcript":
        """The same with each word as it is printed in place of its text; words that are written as one are one."""
        return replace(self, segments=tuple(Segment(_printed(segment.words)) for segment in self.segments))


def _printed(words: Sequence[Word]) -> tuple[Word, ...]:
    printed: list[Word] = []
    for word in words:
        text = word.text if word.written is None else word.written
        if text or not printed:
            printed.append(replace(word, text=text, written=None))
        else:
            confidence = min(printed[-1].confidence, word.confidence)
            printed[-1] = replace(printed[-1], end=word.end, confidence=confidence)
    return tuple(printed)
