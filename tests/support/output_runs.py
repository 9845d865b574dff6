"""Runs of `asr transcribe` into a folder, without recognising anything."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from asr.formats.document import Document
from asr.transcript import Segment, Transcript, Word
from asr.transcription.inputs import Recording, find_recordings
from asr.transcription.outcomes import Outcome
from asr.transcription.outputs import OutputFolder, Settings


def document(recording: Recording, text: str = "HELLO") -> Document:
    segment = Segment((Word(text, 0.0, 1.0, 0.5),))
    return Document(recording.id, (Transcript((segment,), 2.0, 0.0, recording.name),))


class Runs:
    """Runs over the folder `in` with the folder `out`, both in the current folder. The text of each is its name."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.in_the_way: list[str] = []
        self.renewed = 0
        self.save: AbstractContextManager[object] = nullcontext()  # in which each result is written

    def __call__(
        self, formats: str = "srt", *, settings: str = "A", broken: Sequence[str] = (), **options: bool
    ) -> set[str]:
        """The results that are written."""
        before = contents()
        folder = OutputFolder(Path("out"), Settings(formats.split(","), settings, **options))
        jobs = folder.plan(find_recordings(["in"]).recordings)
        self.in_the_way = [str(path) for job in jobs for path in job.in_the_way]
        self.renewed = sum(job.renews for job in jobs)
        self.problems = []
        for job in jobs:
            name = job.recording.name
            text = f"{settings}:{os.fsencode(name).decode('latin-1')}"
            result = "it is broken" if name in broken else document(job.recording, text)
            with self.save:
                self.problems += folder.save(job, Outcome(job.recording, result))
        now = contents()
        return {name for name in now if before.get(name) != now[name]}


def contents() -> dict[str, tuple[bytes, int]]:
    """What is in `out`, without the notes, and when it was written."""
    files = [path for path in Path("out").rglob("[!.]*") if path.is_file()]
    return {str(path.relative_to("out")): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def sound(*names: str, size: int = 10) -> None:
    for name in names:
        path = Path("in", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
