"""Formats made of chunks, each with a name and a length: WAV, AIFF, CAF."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from asr.containers.open_file import MendedFile, OpenFile

_WRAP, _UNKNOWN = 1 << 32, b"\xff" * 4  # where 32 bits begin anew; and what they say in RF64
STREAMED = 0x7FFF_F000  # from here on, a 32-bit length is a placeholder of encoders that do not know it yet


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the first chunk starts, name and length of each, which holds the sound."""

    first_chunk: int
    header: str
    sound: bytes
    multiple: int  # chunks are padded to a multiple of this many bytes


WAV = Layout(12, "<4sI", b"data", 2)
LAYOUTS = {
    b"RIFF": WAV,
    b"RF64": WAV,
    b"RIFX": Layout(12, ">4sI", b"data", 2),
    b"FORM": Layout(12, ">4sI", b"SSND", 2),  # AIFF and AIFF-C
    b"caff": Layout(8, ">4sq", b"data", 1),
}


def chunks(file: OpenFile, layout: Layout, position: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of each chunk from `position` on, up to the first that has no name in plain letters."""
    header_size = struct.calcsize(layout.header)
    while position + header_size <= size:
        file.seek(position)
        name, length = struct.unpack(layout.header, file.read(header_size))
        if not (name.isascii() and name.decode().isprintable()):
            return
        position += header_size
        yield name, position, length
        position += max(0, length) + -length % layout.multiple


def sound_chunk(file: OpenFile, layout: Layout, size: int) -> tuple[int, int]:
    """Where the sound starts, and its length by the chunk's header; (size, 0) where there is no such chunk."""
    found = chunks(file, layout, layout.first_chunk, size)
    return next(((start, length) for name, start, length in found if name == layout.sound), (size, 0))


def wav_codec(file: OpenFile, layout: Layout) -> int | None:
    """The number that a WAV file gives for its codec (RFC 2361), if it has any."""
    size = file.seek(0, io.SEEK_END)
    start = next((start for name, start, _ in chunks(file, layout, 12, size) if name == b"fmt "), size)
    file.seek(start)
    content = file.read(26)
    if len(content) < 2:
        return None
    order = layout.header[0]
    (codec,) = struct.unpack(f"{order}H", content[:2])
    if codec == 0xFFFE and len(content) == 26:  # WAVE_FORMAT_EXTENSIBLE: the number comes later
        (codec,) = struct.unpack(f"{order}H", content[24:])
    return int(codec)


def with_length(file: OpenFile) -> MendedFile | None:
    """A WAV file with the true length in its header, if that says 0 bytes but sound goes on to the end; or if there is
    more sound than its 32 bits can say. Recorders that write to a pipe, are killed, or pass 4 GiB leave such files.

    None for every other file.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if file.read(4) != b"RIFF":
        return None
    start, told = sound_chunk(file, WAV, size)
    length = _true_length(file, start, told, size)
    if length == told:
        return None
    file.seek(0)
    head = file.read(start)
    if length < _WRAP:
        return MendedFile(head[:-4] + struct.pack("<I", length), file, start)
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, size + 28, length, 0, 0)  # of RF64 (EBU Tech 3306)
    return MendedFile(b"RF64" + _UNKNOWN + b"WAVE" + sizes + head[12:-4] + _UNKNOWN, file, start)


def _true_length(file: OpenFile, start: int, told: int, size: int) -> int:
    """The bytes of sound from `start` on, where a 32-bit header tells so many."""
    rest = size - start
    if told == 0:
        return 0 if rest == 0 or _goes_on_with_chunks(file, start, size) else rest
    end = start + told + told % WAV.multiple
    if rest < _WRAP or _goes_on_with_chunks(file, end, size):
        return told
    return rest if told >= STREAMED else told + (rest - told) // _WRAP * _WRAP


def _goes_on_with_chunks(file: OpenFile, position: int, size: int) -> bool:
    """Whether the rest of a WAV file is not sound but chunks, of text for example."""
    ends = [start + length for _, start, length in chunks(file, WAV, position, size)]
    return bool(ends) and size - 1 <= ends[-1] <= size
