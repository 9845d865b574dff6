"""The record that comes out of recognition, and its views."""

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
    """What was said. `duration` of the sound in seconds; `score` is the natural-log probability of the hypothesis."""

    text: str
    words: tuple[Word, ...]
    duration: float
    score: float

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and strings; times rounded to the millisecond."""
        record = asdict(self)
        record["duration"] = round(self.duration, 3)
        record["words"] = [
            {**word, "start": round(word["start"], 3), "end": round(word["end"], 3)} for word in record["words"]
        ]
        return record
