"""JSON, one object in one line: everything in a transcript."""

import json
from typing import Any

from asr.transcript import Segment, Transcript, Word

VERSION = 1  # of the keys below; within a version keys may be added, but never removed or changed


def render(transcript: Transcript) -> str:
    """The object and a line feed."""
    return json.dumps(to_json(transcript), ensure_ascii=False) + "\n"


def to_json(transcript: Transcript) -> dict[str, Any]:
    """Plain lists, numbers and strings; times in seconds, rounded to the millisecond."""
    return {
        "version": VERSION,
        "audio_filepath": transcript.source,
        "channel": transcript.channel,
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
        "score": transcript.score,
        "segments": [_segment(segment) for segment in transcript.segments],
    }


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "words": [_word(word) for word in segment.words],
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(word.confidence, 3),
    }
