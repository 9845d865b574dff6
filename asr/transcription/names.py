"""The names of results, without ending, so that no later recording changes the name of an earlier one."""

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from asr.formats import FORMATS
from asr.transcription.inputs import Recording

UNFINISHED = ".unfinished"
"""The ending of what is kept of a long recording while it is transcribed."""
_LONGEST_ENDING = max(len(ending) for ending in [UNFINISHED, *(f".{name}" for name in FORMATS)])
_MOST_BYTES = 255 - _LONGEST_ENDING  # 255: what file systems allow


def stems(recording: Recording, source: str) -> Iterator[str]:
    """The names for the results of a recording, best first: without its ending, as players look for subtitles; with it,
    if `talk.wav` and `talk.mp3` lie in one folder; and with a digest of its `source`, which no other recording has."""
    full = recording.place.name + recording.suffix
    for stem in dict.fromkeys([recording.place.name, full]):
        yield _shortened(stem)
    yield _with_digest(full, source)


def with_stem(recording: Recording, stem: str) -> Recording:
    """The recording with the id that belongs to its name, if it does not have the first one."""
    if stem == recording.place.name:
        return recording
    return replace(recording, id=(recording.place.parent / stem).as_posix())


def with_own_ids(recordings: Sequence[Recording]) -> list[Recording]:
    """The same recordings; of those with one id all but the first, in the order of their names, get another."""
    taken: set[str] = set()
    named: dict[str, Recording] = {}
    for recording in sorted(recordings, key=order):
        for stem in stems(recording, recording.key):
            candidate = with_stem(recording, stem)
            if candidate.id not in taken:
                break
        taken.add(candidate.id)
        named[recording.key] = candidate
    return [named[recording.key] for recording in recordings]


def order(recording: Recording) -> tuple[str, str, str, str]:
    """In this order, whatever that of the arguments, recordings get their names."""
    return recording.place.parent.as_posix(), recording.place.name, recording.suffix, recording.key


def as_on_disk(stem: str) -> str:
    """Equal for names that some file systems take for the same."""
    return unicodedata.normalize("NFC", stem).casefold()


def _shortened(stem: str) -> str:
    return stem if len(os.fsencode(stem)) <= _MOST_BYTES else _with_digest(stem, stem)


def _with_digest(stem: str, text: str) -> str:
    ending = "-" + hashlib.sha256(os.fsencode(text)).hexdigest()[:8]
    while len(os.fsencode(stem)) + len(ending) > _MOST_BYTES:
        stem = stem[:-1]
    return stem + ending
