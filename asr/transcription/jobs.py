"""Many recordings, one after the other; a broken one does not stop the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from asr.errors import AudioError
from asr.recognizer import Recognizer
from asr.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a recording: a transcript, or the reason why there is none."""

    source: Path
    outcome: Transcript | AudioError


def transcribe_files(recognizer: Recognizer, files: Iterable[Path]) -> Iterator[Result]:
    """The result of each file as soon as it is ready, with one file in memory at a time."""
    for file in files:
        try:
            yield Result(file, recognizer.transcribe(file))
        except AudioError as error:
            yield Result(file, error)
