"""JSON, one object in one line: everything in a transcript."""

import json
import math
from typing import Any

from asr.files import HALF_CHARACTER
from asr.formats.document import Document
from asr.transcript import Segment, Word

VERSION = 2  # of the keys below; within a version keys may be added, but never removed or changed


def body(document: Document) -> str:
    """The object and a line feed; times in seconds, all numbers rounded to three digits, null if not finite.

    Segments are written one by one: as dictionaries, those of ten hours would take much memory.
    """
    head = _head(document)
    line = _with_segments(head, document, ensure_ascii=False)
    # A file name that is not UTF-8 has to be escaped.
    return _with_segments(head, document, ensure_ascii=True) if HALF_CHARACTER.search(line) else line


def failure(id: str, source: str, reason: str) -> str:
    """The line of a recording that could not be transcribed: `error` stands for all that is not known."""
    record = {"version": VERSION, "id": id, "source": source, "error": reason}
    line = json.dumps(record, ensure_ascii=False)
    return (json.dumps(record) if HALF_CHARACTER.search(line) else line) + "\n"


def _head(document: Document) -> dict[str, Any]:
    """All but the segments, as plain lists, numbers and strings."""
    segments = list(document.segments())
    has_printed = any(word.written is not None for _, segment in segments for word in segment.words)
    return {
        "version": VERSION,
        "id": document.id,
        "source": document.source,
        "duration": _number(document.duration),
        "channels": [transcript.channel for transcript in document.channels],
        "text": " ".join(segment.text for _, segment in segments),
        **({"written": _written(document)} if has_printed else {}),
        "score": _number(sum(transcript.score for transcript in document.channels)),
    }


def _written(document: Document) -> str:
    return " ".join(segment.text for _, segment in document.printed.segments())


def _segment(channel: int, segment: Segment) -> dict[str, Any]:
    return {
        "channel": channel,
        "start": _number(segment.start),
        "end": _number(segment.end),
        "text": segment.text,
        "words": [_word(word) for word in segment.words],
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        **({} if word.written is None else {"written": word.written}),
        "start": _number(word.start),
        "end": _number(word.end),
        "confidence": _number(word.confidence),
    }


def _number(value: float) -> float | None:
    # float: NumPy has numbers that JSON does not know, and float32 would be rounded to other digits.
    return round(float(value), 3) if math.isfinite(value) else None


def _with_segments(head: dict[str, Any], document: Document, *, ensure_ascii: bool) -> str:
    """The whole line."""
    segments = (
        json.dumps(_segment(channel, segment), ensure_ascii=ensure_ascii, allow_nan=False)
        for channel, segment in document.segments()
    )
    start = json.dumps(head, ensure_ascii=ensure_ascii, allow_nan=False).removesuffix("}")
    return f'{start}, "segments": [{", ".join(segments)}]}}\n'
