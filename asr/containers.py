"""Is a sound file whole? Each format says in its own way how much sound belongs to it.

libsndfile does not tell: of a file that was cut it reads what is there, and of files that were joined only the first.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from asr.errors import AudioError

OpenFile: TypeAlias = io.FileIO | io.BytesIO

_STREAMED = 0x7FFF_F000  # from here on, a 32-bit length is what encoders write that do not know it yet


@dataclass(frozen=True, slots=True)
class _Layout:
    """A format made of chunks: where the first one starts, name and length of each, which holds the sound."""

    first_chunk: int
    header: str
    sound: bytes
    multiple: int  # chunks are filled up to a multiple of so many bytes


_WAV = _Layout(12, "<4sI", b"data", 2)
_CHUNKED = {
    b"RIFF": _WAV,
    b"RF64": _WAV,
    b"RIFX": _Layout(12, ">4sI", b"data", 2),
    b"FORM": _Layout(12, ">4sI", b"SSND", 2),  # AIFF and AIFF-C
    b"caff": _Layout(8, ">4sq", b"data", 1),
}
_MP3_BITRATES = {  # kbit/s, by MPEG version
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # Hz


def is_known(start: bytes) -> bool:
    """Whether a file that starts so (12 bytes will do) is of a format that libsndfile decodes."""
    if start[:4] == b"FORM":
        return start[8:12] in (b"AIFF", b"AIFC")
    return start[:4] in {*_CHUNKED, b".snd", b"NIST", b"OggS", b"fLaC"} or is_mp3(start)


def is_mp3(start: bytes) -> bool:
    """Whether a file that starts so may be an mp3: by its tag, or the eleven set bits of its first frame."""
    return start[:3] == b"ID3" or (len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0)


def refuse_incomplete(file: OpenFile, path: Path) -> None:
    """Compare what a sound file should hold by its own account with what is there.

    Raises:
        AudioError: the file is truncated, or is several recordings joined, or (mp3) does not tell its length.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(12)
    missing = 0
    if start[:4] in _CHUNKED:
        missing = _missing_of_chunks(file, size, path)
    elif start[:4] == b".snd":
        missing = _missing_of_au(start, size)
    elif start[:4] == b"NIST":
        missing = _missing_of_sphere(file, size)
    elif start[:4] == b"OggS":
        _refuse_incomplete_ogg(file, size, path)
    elif is_mp3(start):
        _refuse_incomplete_mp3(file, size, path)
    if missing > 0:
        raise AudioError(f"{path}: truncated: {missing} bytes of sound are missing; get the whole file")


def with_length(file: OpenFile) -> io.BytesIO | None:
    """The contents of a WAV file whose sound goes on to the end though its header says 0 bytes, with the true length.

    Recorders leave such files when they write into a pipe, or are killed. None for every other file.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if file.read(4) != b"RIFF":
        return None
    position, length = _sound_chunk(file, _WAV, size)
    if length != 0 or position == size or _goes_on_with_chunks(file, position, size):
        return None
    file.seek(0)
    contents = bytearray(file.read())
    contents[position - 4 : position] = struct.pack("<I", min(size - position, 0xFFFF_FFFF))
    return io.BytesIO(contents)


def _chunks(file: OpenFile, layout: _Layout, position: int, size: int) -> Iterator[tuple[bytes, int, int]]:
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


def _sound_chunk(file: OpenFile, layout: _Layout, size: int) -> tuple[int, int]:
    """Where the sound starts, and its length by the chunk's header; (size, 0) where there is no such chunk."""
    chunks = _chunks(file, layout, layout.first_chunk, size)
    return next(((start, length) for name, start, length in chunks if name == layout.sound), (size, 0))


def _goes_on_with_chunks(file: OpenFile, position: int, size: int) -> bool:
    """Whether the rest of a WAV file is not sound but chunks, of text for example."""
    ends = [start + length for _, start, length in _chunks(file, _WAV, position, size)]
    return bool(ends) and size - 1 <= ends[-1] <= size


def _missing_of_chunks(file: OpenFile, size: int, path: Path) -> int:
    file.seek(0)
    magic = file.read(4)
    start, length = _sound_chunk(file, _CHUNKED[magic], size)
    if magic == b"RF64":  # 64-bit lengths stand in a chunk of their own, always the first
        file.seek(28)
        length = int.from_bytes(file.read(8), "little")
    elif magic != b"caff" and length >= _STREAMED:
        return 0
    if magic == b"RIFF":
        file.seek(min(start + length + length % 2, size))
        if file.read(4) == b"RIFF":
            raise AudioError(_joined(path))
    return start + length - size


def _missing_of_au(start: bytes, size: int) -> int:
    if len(start) < 12 or start[8:] == b"\xff" * 4:  # the mark of an unknown length
        return 0
    position, length = struct.unpack(">II", start[4:])
    return int(position + length - size)


def _missing_of_sphere(file: OpenFile, size: int) -> int:
    """NIST SPHERE: a header of text that says its own size, then the samples."""
    file.seek(8)
    try:
        header_size = int(file.read(8))
        file.seek(0)
        lines = file.read(min(header_size, 1 << 20)).decode("ascii", errors="replace").splitlines()
        fields = dict(line.split(maxsplit=2)[::2] for line in lines if len(line.split(maxsplit=2)) == 3)
        length = int(fields["sample_count"]) * int(fields.get("channel_count", 1)) * int(fields["sample_n_bytes"])
    except (KeyError, ValueError):
        return 0  # libsndfile has its own say on such a header
    return header_size + length - size


def _refuse_incomplete_ogg(file: OpenFile, size: int, path: Path) -> None:
    """The last page of a stream carries a flag (RFC 3533); no stream begins after it, unless files were joined."""
    position, ended = 0, False
    while position < size:
        file.seek(position)
        header = file.read(27)
        if header[:4] != b"OggS" or len(header) < 27:
            break
        is_first, is_last, num_segments = header[5] & 2, header[5] & 4, header[26]
        if is_first and ended:
            raise AudioError(_joined(path))
        ended = ended or bool(is_last)
        position += 27 + num_segments + sum(file.read(num_segments))
    if not ended or position > size:
        raise AudioError(f"{path}: truncated: the Ogg stream has no end; get the whole file")


def _refuse_incomplete_mp3(file: OpenFile, size: int, path: Path) -> None:
    """An mp3 is a row of frames. The first may be a note (Xing, Info) of how many follow; a decoder trusts it, and
    without it takes the bit rate of the first frame for that of all."""
    position = first = _end_of_tag(file)
    lengths = set()
    num_frames = 0
    while frame := _mp3_frame_length(file, position):
        position += frame
        num_frames += 1
        lengths.add(frame)
    file.seek(min(position, size))
    rest = file.read(3)
    if not num_frames or rest not in (b"", b"TAG", b"APE", b"ID3", b"\0\0\0"):
        return  # another layer, or something foreign between the frames: the decoder has to find its way
    if position > size:
        raise AudioError(f"{path}: truncated: the last mp3 frame is incomplete; get the whole file")
    noted = _noted_frames(file, first)
    if noted is None and max(lengths) - min(lengths) > 1:
        raise AudioError(f"{path}: its bit rate varies and it does not tell its length; convert it to wav or flac")
    if noted is not None and num_frames < noted:
        raise AudioError(f"{path}: truncated: {num_frames} of {noted} mp3 frames are there; get the whole file")
    if noted is not None and (num_frames > noted + 2 or rest == b"ID3"):
        raise AudioError(_joined(path))


def _end_of_tag(file: OpenFile) -> int:
    """Where an ID3v2 tag at the start ends; its length is four times seven bits."""
    file.seek(0)
    tag = file.read(10)
    if tag[:3] != b"ID3" or len(tag) < 10:
        return 0
    return 10 + int(sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True)))


def _mp3_frame_length(file: OpenFile, position: int) -> int:
    """Bytes of the layer III frame at `position`; 0 where there is none."""
    file.seek(position)
    header = int.from_bytes(file.read(4), "big")
    version, layer, bitrate, rate = header >> 19 & 3, header >> 17 & 3, header >> 12 & 15, header >> 10 & 3
    if header >> 21 != 0x7FF or version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return 0
    bits = 1000 * _MP3_BITRATES[max(version, 2)][bitrate]
    samples = 1152 if version == 3 else 576
    return samples // 8 * bits // _MP3_RATES[version][rate] + (header >> 9 & 1)


def _noted_frames(file: OpenFile, position: int) -> int | None:
    """The number of frames that the note in the first frame tells, if there is one."""
    file.seek(position)
    frame = file.read(64)
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    if place < 0 or not frame[place + 7] & 1:
        return None
    return int.from_bytes(frame[place + 8 : place + 12], "big")


def _joined(path: Path) -> str:
    return f"{path}: holds a second recording after the first, which would not be heard; split them, or convert to flac"
