"""Transcripts in the forms that clients of OpenAI's transcription service expect.

The keys are those of its API reference ("Create transcription"); the official client reads each of them.
"""

import json
import math
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from asr.formats import FORMATS
from asr.formats.document import Document
from asr.transcript import Segment, Transcript, Word

ResponseFormat: TypeAlias = Literal["json", "text", "srt", "vtt", "verbose_json"]
Granularity: TypeAlias = Literal["segment", "word"]

_JSON, _TEXT = "application/json", "text/plain; charset=utf-8"
_LEAST_CONFIDENCE = 1e-9


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer with its media type."""

    body: str
    media_type: str


def answer(
    transcript: Transcript,
    form: ResponseFormat,
    *,
    language: str,
    granularities: Collection[Granularity],
) -> Answer:
    """A transcript in one of the forms; words as they are printed, if the model has a tagger. `language` is
    what the model speaks, `granularities` are what `verbose_json` lists.
    """
    printed = transcript.printed()
    if form == "json":
        return Answer(_dumped({"text": printed.text, "usage": _usage(transcript)}), _JSON)
    if form == "text":
        return Answer(printed.text + "\n", _TEXT)
    if form == "verbose_json":
        return Answer(_dumped(_verbose(printed, language, granularities)), _JSON)
    return Answer(FORMATS[form].render(Document("audio", (printed,))), _TEXT)


def delta(text: str) -> dict[str, Any]:
    """The event that tells the next part of a text."""
    return {"type": "transcript.text.delta", "delta": text}


def done(text: str) -> dict[str, Any]:
    """The last event: all deltas together."""
    return {"type": "transcript.text.done", "text": text}


def failure(message: str, *, type: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """The body of any answer that is none."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def as_event(content: dict[str, Any]) -> str:
    """An event of a stream of events (WHATWG HTML, "Server-sent events")."""
    return f"data: {_dumped(content)}\n\n"


def _verbose(printed: Transcript, language: str, granularities: Collection[Granularity]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "task": "transcribe",
        "language": language,
        "duration": _seconds(printed.duration),
        "text": printed.text,
        "usage": _usage(printed),
    }
    if "segment" in granularities:
        found["segments"] = [_segment(id, segment) for id, segment in enumerate(printed.segments)]
    if "word" in granularities:
        found["words"] = [_word(word) for word in printed.words]
    return found


def _segment(id: int, segment: Segment) -> dict[str, Any]:
    content = segment.text.encode("utf-8", "surrogatepass")
    logs = [math.log(max(word.confidence, _LEAST_CONFIDENCE)) for word in segment.words]
    return {
        "id": id,
        "seek": round(100 * segment.start),
        "start": _seconds(segment.start),
        "end": _seconds(segment.end),
        "text": segment.text,
        "tokens": [],  # Whisper's, by which no other model writes
        "temperature": 0.0,
        "avg_logprob": round(math.fsum(logs) / len(logs), 4),
        "compression_ratio": round(len(content) / len(zlib.compress(content)), 4),
        "no_speech_prob": 0.0,
    }


def _word(word: Word) -> dict[str, Any]:
    confidence = round(float(word.confidence), 3)
    return {"word": word.text, "start": _seconds(word.start), "end": _seconds(word.end), "confidence": confidence}


def _usage(transcript: Transcript) -> dict[str, Any]:
    return {"type": "duration", "seconds": _seconds(transcript.duration)}


def _seconds(time: float) -> float:
    return round(float(time), 3)


def _dumped(content: dict[str, Any]) -> str:
    return json.dumps(content, allow_nan=False)
