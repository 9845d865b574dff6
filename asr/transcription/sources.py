"""A recording -> a file that can be read as often as needed: pipes and parts of files become temporary files."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import soundfile

from asr.audio import SAMPLE_RATE
from asr.corpus.utterances import load_utterance
from asr.errors import AudioError, OutputError, system_reason
from asr.transcription.inputs import Recording


def file_of(recording: Recording, temporary: Path) -> Path:
    """The file to read: that of the recording, or `temporary`, to be removed when it has been read.

    Raises:
        AudioError: the part or the pipe cannot be read.
        OutputError: there is no room for a temporary file.
    """
    if recording.part is not None:
        soundfile.write(temporary, load_utterance(recording.part), SAMPLE_RATE, format="WAV", subtype="FLOAT")
        return temporary
    if recording.path is None:
        if sys.stdin is None or sys.stdin.isatty():
            raise AudioError("stdin: is a terminal, expected a recording from a pipe or a file")
        return _kept(sys.stdin.buffer.read, temporary, "stdin")
    if _is_pipe(recording.path):
        with recording.path.open("rb") as pipe:
            return _kept(pipe.read, temporary, recording.name)
    return recording.path


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):  # ValueError: no file can have such a name
        return False


def _kept(read: Callable[[int], bytes], temporary: Path, name: str) -> Path:
    """A copy of all that comes through a pipe: formats with an index at their end cannot be read from a pipe."""
    try:
        with temporary.open("wb") as file:
            while block := read(2**20):
                file.write(block)
    except OSError as error:
        raise OutputError(
            f"{name}: cannot be kept in {os.fspath(temporary.parent)} while it is read ({system_reason(error)}); "
            "TMPDIR names another place"
        ) from None
    return temporary
