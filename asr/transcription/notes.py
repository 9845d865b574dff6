"""What is done already: notes beside the results, lines of JSON, one before the results of a recording are written and
one after.

A note tells the source with its size and time, the model and settings, and digests of the results, so that a later run
knows what is done, what is out of date, and which files somebody else has written or changed.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from asr.errors import OutputError
from asr.files import append_text, read_lines
from asr.transcription.inputs import STDIN

NAME = ".asr-transcribed.jsonl"


@dataclass(frozen=True, slots=True)
class Note:
    """`source`: where the recording is, relative to the folder of the results, as both may be moved together. `stem` of
    their names. `settings`: a digest of the model and of all settings that the results depend on. `done`: the formats
    that were written from this source with these settings. `written`: digests of all results that were ever written, by
    format. `writing`: those that are about to be written, so that a run that is stopped, or killed, leaves no file of
    which nobody knows who has written it.
    """

    source: str
    size: int
    time: int  # of its last change, in nanoseconds
    settings: str
    stem: str
    done: Sequence[str]
    written: Mapping[str, str]
    writing: Mapping[str, str] = field(default_factory=dict)

    def digests(self) -> dict[str, set[str]]:
        """Of all that such a run may have left as results, by format."""
        names = (*self.written, *self.writing)
        return {name: {notes[name] for notes in (self.written, self.writing) if name in notes} for name in names}


class Notes:
    """The notes in a folder of results."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._notes: dict[str, Note] = {}
        self._start = ""  # of what is added: after a line that a killed run has cut off, a new one
        if self._path.exists():
            for line in read_lines(self._path, OutputError):
                note = _parsed(line)
                self._start = "" if note else "\n"
                if note:
                    self._notes[note.source] = note

    def of(self, source: str) -> Note | None:
        """The last note on a recording."""
        return self._notes.get(source)

    def all(self) -> list[Note]:
        """The last note on each recording."""
        return list(self._notes.values())

    def add(self, note: Note) -> None:
        """Write a note, which replaces an earlier one on the same recording.

        Raises:
            OutputError: it cannot be written.
        """
        append_text(self._path, f"{self._start}{json.dumps(asdict(note))}\n")
        self._start = ""
        self._notes[note.source] = note


def source_of(key: str, folder: Path) -> str:
    """The `source` of a note in `folder` on the recording with this key (`Recording.key`)."""
    if key == STDIN:
        return key
    try:
        return os.path.relpath(key, os.path.realpath(folder))
    except ValueError:  # Windows: on another drive
        return key


def digest(content: bytes) -> str:
    """Of a result."""
    return hashlib.sha256(content).hexdigest()[:16]


def _parsed(line: str) -> Note | None:
    """None, if the line is not whole: an interrupted run may leave a part of one, and a lost note costs only time."""
    try:
        note = Note(**json.loads(line))
    except (ValueError, TypeError):
        return None
    is_note = isinstance(note.stem, str) and isinstance(note.written, dict) and isinstance(note.writing, dict)
    return note if is_note else None
