"""A sound file, on disk or in memory -> its sound, by the right decoder."""

import io
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from asr.containers.kinds import Decoder, identify
from asr.containers.whole import examine
from asr.decoders import ffmpeg, libsndfile
from asr.decoders.stream import Stream
from asr.errors import AudioError, system_reason

LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000  # Hz; anything else comes from a damaged header


@dataclass(frozen=True, slots=True)
class EncodedSound:
    """A sound file in memory: its bytes, and the path that messages name, such as shard.tar/member.flac."""

    path: Path
    content: bytes

    def __str__(self) -> str:
        return str(self.path)


SoundSource: TypeAlias = str | Path | EncodedSound


@contextmanager
def opened(source: SoundSource) -> Iterator[tuple[Stream, str]]:
    """The sound of a file by the right decoder, and what is odd about the file; empty if nothing is.

    Raises:
        AudioError: the file is missing, empty, not audio or truncated, or needs ffmpeg, which is not installed.
    """
    path = path_of(source)
    with ExitStack() as stack:
        file = io.BytesIO(source.content) if isinstance(source, EncodedSound) else _open(path)
        stack.enter_context(file)
        kind = identify(file, path)
        account = examine(file, kind, path)
        stream, doubt = None, account.doubt
        if Decoder.LIBSNDFILE in kind.decoders:
            try:
                stream = stack.enter_context(libsndfile.opened(file, path, kind, account))
            except AudioError as error:
                if Decoder.FFMPEG not in kind.decoders:
                    raise
                if not ffmpeg.is_installed():
                    raise type(error)(f"{error}; ffmpeg may know it: {ffmpeg.HOW_TO_INSTALL}") from None
        if stream is None:
            stream = stack.enter_context(ffmpeg.opened(stack.enter_context(_on_disk(source)), path, kind))
            if kind.has_tracks and not isinstance(
                source, EncodedSound
            ):  # which was packed from a file, where it was said
                doubt = _of_tracks(ffmpeg.tracks(path, kind))
        if not LOWEST_RATE <= stream.sample_rate <= HIGHEST_RATE:
            raise AudioError(
                f"{path}: the sample rate is {stream.sample_rate} Hz, expected {LOWEST_RATE} to {HIGHEST_RATE}; "
                "the header is damaged"
            )
        yield stream, doubt


def _of_tracks(tracks: Sequence[str]) -> str:
    if len(tracks) < 2:
        return ""
    others = f"the second is had by `ffmpeg -i FILE -map 0:a:1 second.wav` (of {', '.join(tracks[1:])})"
    return f"has {len(tracks)} sound tracks, of which the first is heard ({tracks[0]}); {others}"


def path_of(source: SoundSource) -> Path:
    """The path of a source, for messages."""
    return source.path if isinstance(source, EncodedSound) else Path(source)


def _open(path: Path) -> io.FileIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise AudioError(f"{path}: is a folder, expected a sound file")
        if not stat.S_ISREG(mode):  # opening a pipe might wait forever
            raise AudioError(f"{path}: is a pipe or a device, expected a file; save the sound to a file first")
        return io.FileIO(path)
    except (FileNotFoundError, ValueError):  # ValueError: no file can have such a name
        raise AudioError(f"{path}: no such file") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened: {system_reason(error)}") from None


@contextmanager
def _on_disk(source: SoundSource) -> Iterator[str]:
    """The name of a file with the sound, for ffmpeg, which has to seek in it."""
    if not isinstance(source, EncodedSound):
        yield os.fspath(source)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(source.content)
        file.flush()
        yield file.name
