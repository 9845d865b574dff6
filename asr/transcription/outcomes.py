"""Recordings -> documents, or the reasons why there are none, in the order in which they are ready."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from asr.errors import AsrError, OutputError
from asr.formats.document import Document
from asr.recognizer import Recognizer
from asr.transcription.inputs import Recording
from asr.transcription.jobs import ChannelChoice, Known, Progress, Result, transcribe_files
from asr.transcription.sources import file_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a recording: a document, or the message of an error."""

    recording: Recording
    result: Document | str

    @property
    def seconds(self) -> float:
        """Of the sound; 0 if it could not be transcribed."""
        return 0.0 if isinstance(self.result, str) else self.result.duration


def outcomes_of(
    recognizer: Recognizer,
    recordings: Iterable[Recording],
    *,
    channels: ChannelChoice = "mix",
    known: Callable[[Recording], Known] = lambda recording: {},
    progress: Callable[[Recording, Progress], None] = lambda recording, news: None,
) -> Iterator[Outcome]:
    """The outcome of each recording once; `known` and `progress` as in `transcribe_files`.

    Raises:
        OutputError: there is no room for what comes through a pipe.
    """
    unread: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="asr-") as folder:
        being_read: dict[Path, Recording] = {}

        def files() -> Iterator[Path]:
            for number, recording in enumerate(recordings):
                try:
                    file = file_of(recording, Path(folder, str(number)))
                except OutputError:
                    raise
                except AsrError as error:
                    unread.append(Outcome(recording, str(error)))
                else:
                    being_read[file] = recording
                    yield file

        for result in transcribe_files(
            recognizer,
            files(),
            channels=channels,
            known=lambda file: known(being_read[file]),
            progress=lambda news: progress(being_read[news.source], news),
        ):
            while unread:
                yield unread.pop(0)
            recording = being_read.pop(result.source)
            if result.source != recording.path:
                result.source.unlink()
            yield Outcome(recording, _named(recording, result))
    yield from unread


def _named(recording: Recording, result: Result) -> Document | str:
    """The result as that of the recording, whatever the name of the file that was read."""
    if isinstance(result.outcome, AsrError):
        return str(result.outcome).replace(os.fspath(result.source), recording.name)
    return Document(recording.id, tuple(replace(one, source=recording.name) for one in result.outcome))
