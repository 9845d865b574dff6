"""libsndfile, which comes with the package soundfile: wav, flac, ogg, opus, mp3, SPHERE, aiff, au, caf."""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import soundfile

from asr.containers.kinds import MP3, Kind
from asr.containers.open_file import MendedFile, OpenFile
from asr.containers.whole import Account
from asr.decoders.stream import Block, Stream, cut_out, samples_per_block
from asr.errors import AudioError, TruncatedAudioError

_MOST_SAMPLES = 2**40  # a year at 35 kHz; libsndfile gives 2**63 - 1 where it does not know
_stderr_lock = threading.Lock()


class _Reader(soundfile.SoundFile):  # type: ignore[misc]
    """Not seekable, since soundfile seeks to its position after each read of a seekable file. For mp3 that does harm:
    the decoder loses what it keeps of a frame for the next one, and the next block begins with wrong samples."""

    def seekable(self) -> bool:
        return False


@contextmanager
def opened(file: OpenFile, path: Path, kind: Kind, account: Account) -> Iterator[Stream]:
    """The sound of an open file, whose `path` is for messages.

    Raises:
        AudioError: libsndfile does not know it or, while it is read, the file is truncated or damaged.
    """
    source = account.mended or file
    source.seek(0)
    reader = _open(source, path, is_mp3=kind.name == MP3.name)
    with reader:
        if reader.frames > _MOST_SAMPLES:
            raise AudioError(f"{path}: its header has no length, as if written to a pipe; encode it again to a file")

        def read(first: int, count: int | None) -> Iterator[Block]:
            return _read(reader, path, first, count)

        known = reader.frames if account.num_samples is None else account.num_samples
        num_samples = known if account.tells_length else None
        yield Stream(reader.format, reader.subtype, int(reader.samplerate), reader.channels, num_samples, read)


def _open(source: OpenFile | MendedFile, path: Path, *, is_mp3: bool) -> _Reader:
    try:
        with _mpg123_muted() if is_mp3 else nullcontext():
            # By its handle: given a name, libsndfile would guess the format of unknown contents.
            return _Reader(source.fileno() if isinstance(source, io.FileIO) else source, closefd=False)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: not audio that can be read: {error.error_string.rstrip('.')}") from None


def _read(reader: _Reader, path: Path, first: int, count: int | None) -> Iterator[Block]:
    first = min(first, reader.frames)
    lead_in = min(first, reader.samplerate)  # decoders of mp3 and opus need a while to settle
    wanted = reader.frames - first if count is None else count
    if first:
        with _refusing_damage(reader, path):
            reader.seek(first - lead_in)
    num_read = 0
    for block in cut_out(_blocks(reader, path, lead_in + wanted), lead_in, wanted):
        num_read += len(block)
        yield block
    # The header of an mp3 gives its length only to a frame; its frames were counted before.
    if num_read < wanted and reader.format != "MP3":
        raise TruncatedAudioError(f"{path}: truncated: {num_read} of {wanted} samples can be read; get the whole file")


def _blocks(reader: _Reader, path: Path, count: int) -> Iterator[Block]:
    """The next `count` samples, or as many as there are."""
    size = samples_per_block(reader.channels)
    while count > 0:
        with _refusing_damage(reader, path):
            block = reader.read(min(size, count), dtype="float32", always_2d=True)
        if len(block) == 0:
            return
        count -= len(block)
        yield block


@contextmanager
def _refusing_damage(reader: _Reader, path: Path) -> Iterator[None]:
    try:
        with _mpg123_muted() if reader.format == "MP3" else nullcontext():
            yield
    except soundfile.LibsndfileError as error:
        raise TruncatedAudioError(
            f"{path}: truncated or damaged{_where(reader)}: {error.error_string.removeprefix('Error : ').rstrip('.')}; "
            "get the whole file"
        ) from None


def _where(reader: _Reader) -> str:
    """How far the sound was decoded, if that is known."""
    with suppress(soundfile.LibsndfileError):
        if num_samples := reader.tell():
            return f" after {num_samples / reader.samplerate:.1f} s"
    return ""


@contextmanager
def _mpg123_muted() -> Iterator[None]:
    """The mp3 decoder writes its own warnings to stderr; ours say all that a user needs to know."""
    with _stderr_lock:
        saved = os.dup(2)
        try:
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
