"""Results -> files below a folder, which mirrors the tree of the recordings; what is done already is not done again.

Order of reading: `names.py`, `notes.py`, and this: `plan` says what to do for each recording, `save` writes a result.
"""

import os
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from asr.errors import OutputError, system_reason
from asr.files import is_hopeless, write_text
from asr.formats import FORMATS
from asr.formats import json as json_format
from asr.transcription import notes
from asr.transcription.inputs import Recording
from asr.transcription.names import as_on_disk, order, stems, with_stem
from asr.transcription.notes import Note, Notes
from asr.transcription.outcomes import Outcome

_NO_LOSS = (b"", b"WEBVTT")  # what may be left of a killed program, and holds nothing
_MOST_BYTES_OF_NOTHING = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """`digest` of the model and of what else results depend on; `for_windows`: formats for people have the line ends of
    Windows and a byte order mark; `overwrite` files that were not written by such a run."""

    formats: Sequence[str]
    digest: str
    for_windows: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A recording to transcribe, and the formats to write, as `note.stem` in `folder`. `in_the_way`: files that are not
    ours, and stay. `renews`: there are results with another model or other settings, which this replaces."""

    recording: Recording
    folder: Path
    note: Note
    formats: tuple[str, ...]
    in_the_way: tuple[Path, ...]
    renews: bool


class OutputFolder:
    """The folder of all results.

    Raises:
        OutputError: nothing can be written there.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder, self._settings = folder, settings
        self._notes: dict[Path, Notes] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except (FileExistsError, NotADirectoryError):
            raise OutputError(f"{folder}: is not a folder, and the results need one") from None
        except OSError as error:
            raise OutputError(f"{folder}: no results can be written here ({system_reason(error)})") from None

    def plan(self, recordings: Iterable[Recording]) -> list[Job]:
        """The jobs of all recordings for which something is left to do, in their order. A job without formats is one
        for which all that is left is in the way of other files."""
        ordered = sorted(enumerate(recordings), key=lambda item: order(item[1]))
        jobs = []
        for parent, together in groupby(ordered, key=lambda item: item[1].place.parent):
            jobs += self._plan_folder(self._folder / parent, list(together))
        return [job for _, job in sorted(jobs, key=lambda item: item[0])]

    def _plan_folder(self, folder: Path, recordings: Sequence[tuple[int, Recording]]) -> list[tuple[int, Job]]:
        known = self._notes.setdefault(folder, Notes(folder))
        taken = {as_on_disk(note.stem): note.source for note in known.all() if _has_results(folder, note)}
        jobs = []
        for number, recording in recordings:
            source = notes.source_of(recording.key, folder)
            old = known.of(source)
            stem = old.stem if old and taken.get(as_on_disk(old.stem)) == source else ""
            if not stem:
                stem = next(s for s in stems(recording, source) if taken.get(as_on_disk(s), source) == source)
            taken[as_on_disk(stem)] = source
            job = self._job(recording, folder, old, stem, source)
            if job.formats or job.in_the_way:
                jobs.append((number, job))
        return jobs

    def _job(self, recording: Recording, folder: Path, old: Note | None, stem: str, source: str) -> Job:
        size, time = _state(recording)
        written = dict(old.written) if old and old.stem == stem else {}
        ours = old.digests() if old and old.stem == stem else {}
        is_current = old is not None and (old.size, old.time, old.settings) == (size, time, self._settings.digest)
        done = set(old.done) if old and is_current and recording.path is not None else set()
        done = {name for name in done if name in written and _is_whole(_result(folder, stem, name), written[name])}
        todo, in_the_way = [], []
        for name in (name for name in self._settings.formats if name not in done):
            path = _result(folder, stem, name)
            if self._settings.overwrite or _may_be_replaced(path, ours.get(name, [])):
                todo.append(name)
            else:
                in_the_way.append(path)
        note = Note(source, size, time, self._settings.digest, stem, sorted(done), written)
        renews = old is not None and old.settings != note.settings and any(name in old.done for name in todo)
        return Job(with_stem(recording, stem), folder, note, tuple(todo), tuple(in_the_way), renews)

    def save(self, job: Job, outcome: Outcome) -> list[str]:
        """Write the results of a job, each as a whole, and then the note; messages on those that cannot be written. Why
        a recording could not be transcribed is written as JSON, if that is among the formats.

        Raises:
            OutputError: nothing more can be written, as the disk is full.
        """
        texts = {name: self._text(name, job.recording, outcome) for name in job.formats}
        results = {name: text for name, text in texts.items() if text is not None}
        digests = {name: notes.digest(text.encode(errors="surrogatepass")) for name, text in results.items()}
        problems: list[str] = []
        try:
            if results:  # so that a later run knows whose they are, wherever this one is stopped
                self._notes[job.folder].add(replace(job.note, writing=digests))
            new = {name: digests[name] for name in results if self._write(job, name, results[name], problems)}
            if new:
                done = sorted({*job.note.done, *new}) if not isinstance(outcome.result, str) else []
                self._notes[job.folder].add(replace(job.note, done=done, written={**job.note.written, **new}))
        except OutputError as error:
            if is_hopeless(error):
                raise
            problems.append(str(error))
        return problems

    def _write(self, job: Job, name: str, text: str, problems: list[str]) -> bool:
        """Whether a result could be written; else why not is added to `problems`."""
        try:
            write_text(_result(job.folder, job.note.stem, name), text)
        except OutputError as error:
            if is_hopeless(error):
                raise
            problems.append(str(error))
            return False
        return True

    def _text(self, name: str, recording: Recording, outcome: Outcome) -> str | None:
        if isinstance(outcome.result, str):
            return json_format.failure(recording.id, recording.name, outcome.result) if name == "json" else None
        form = FORMATS[name]
        text = form.render(outcome.result)
        return "\ufeff" + text.replace("\n", "\r\n") if self._settings.for_windows and form.for_people else text


def _result(folder: Path, stem: str, name: str) -> Path:
    return folder / f"{stem}.{name}"


def _state(recording: Recording) -> tuple[int, int]:
    """Size and time of the source; zeros if it has none."""
    try:
        status = recording.path.stat() if recording.path is not None else None
    except (OSError, ValueError):  # ValueError: no file can have such a name
        status = None
    return (0, 0) if status is None else (status.st_size, status.st_mtime_ns)


def _has_results(folder: Path, note: Note) -> bool:
    return any(_result(folder, note.stem, name).exists() for name in note.digests())


def _is_whole(path: Path, digest: str) -> bool:
    """Whether a result is still there; somebody may have corrected it, but not emptied it."""
    return path.is_file() and (not _holds_nothing(path) or notes.digest(path.read_bytes()) == digest)


def _may_be_replaced(path: Path, ours: Collection[str]) -> bool:
    """Whether there is nothing at `path`, or what we wrote (these digests), or nothing that could be lost."""
    if not os.path.lexists(path):
        return True
    if not path.is_file():
        return False
    return _holds_nothing(path) or notes.digest(path.read_bytes()) in ours


def _holds_nothing(path: Path) -> bool:
    return path.stat().st_size < _MOST_BYTES_OF_NOTHING and path.read_bytes().strip() in _NO_LOSS
