"""MPEG audio (mp3, mp2) and AAC in ADTS: sequences of frames, each of which gives its own length.

Tables and fields: ISO/IEC 11172-3 and 13818-3 (layers I to III), 13818-7 (ADTS).
"""

import io
import struct
from dataclasses import dataclass

from asr.containers.open_file import MendedFile, OpenFile

_BITRATES = {  # kbit/s by (is MPEG-1, layer), then by the index in the header
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # Hz, by version
_SAME_STREAM = 0xFFFE_0C00  # the bits of a header that never change: version, layer, rate
_MOST_FOREIGN_BYTES = 1 << 16  # before the first frame, in a recording of a stream
_LARGEST_BITRATE = 14  # index of


@dataclass(frozen=True, slots=True)
class Frame:
    """`length` in bytes; `num_samples` of one channel; `stream`: what all frames of a file have in common."""

    length: int
    num_samples: int
    stream: int


@dataclass(frozen=True, slots=True)
class Row:
    """The frames of a file from `first` (a position in bytes) to `end`, where no further one begins.

    `end` is beyond the end of the file if the last frame is incomplete.
    """

    first: int
    end: int
    num_frames: int
    num_samples: int
    varies: bool  # the bit rate, by more than padding


def end_of_tags(file: OpenFile) -> int:
    """Where the ID3v2 tags at the start of a file end; a length is four times seven bits."""
    position = 0
    while True:
        file.seek(position)
        tag = file.read(10)
        if tag[:3] != b"ID3" or len(tag) < 10:
            return position
        shifts = zip(tag[6:], (21, 14, 7, 0), strict=True)
        position += 10 + int(sum((byte & 0x7F) << shift for byte, shift in shifts))


def frame_at(file: OpenFile, position: int) -> Frame | None:
    """The frame of layer I, II or III at a position."""
    file.seek(position)
    return _frame(file.read(4))


def _frame(start: bytes) -> Frame | None:
    header = int.from_bytes(start, "big")
    version, layer, bitrate, rate = header >> 19 & 3, 4 - (header >> 17 & 3), header >> 12 & 15, header >> 10 & 3
    if len(start) < 4 or header >> 21 != 0x7FF or version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    num_samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    unit = 4 if layer == 1 else 1  # bytes of padding
    bits = 1000 * _BITRATES[version == 3, layer][bitrate]
    length = num_samples // 8 // unit * bits // _RATES[version][rate] + (header >> 9 & 1)
    return Frame(unit * length, num_samples, header & _SAME_STREAM)


def find_first(file: OpenFile, position: int, *, foreign: bool = False) -> int | None:
    """Where the sequence of frames begins: at `position`, or, if `foreign` bytes are allowed, soon after it.

    One frame proves nothing, as text may look like one (UTF-16 begins with FF FE): two have to follow each other, or
    one has to be the whole file; four where other bytes come first.
    """
    if not foreign:
        return position if _is_row(file, position, 2) else None
    file.seek(position)
    head = file.read(_MOST_FOREIGN_BYTES)
    place = head.find(b"\xff")
    while place >= 0:
        if _frame(head[place : place + 4]) and _is_row(file, position + place, 4):
            return position + place
        place = head.find(b"\xff", place + 1)
    return None


def _is_row(file: OpenFile, position: int, wanted: int) -> bool:
    size = file.seek(0, io.SEEK_END)
    streams = set()
    for count in range(wanted):
        frame = frame_at(file, position)
        if frame is None:
            return count > 0 and position == size and wanted == 2
        streams.add(frame.stream)
        position += frame.length
    return len(streams) == 1


def row_of_frames(file: OpenFile, first: int) -> Row:
    """All frames from `first` on."""
    position, num_frames, num_samples, lengths = first, 0, 0, set()
    while frame := frame_at(file, position):
        position += frame.length
        num_frames += 1
        num_samples += frame.num_samples
        lengths.add(frame.length)
    varies = bool(lengths) and max(lengths) - min(lengths) > 4
    return Row(first, position, num_frames, num_samples, varies)


def noted_frames(file: OpenFile, first: int) -> int | None:
    """The number of frames by the first one, if that is not sound but such a note (Xing, Info)."""
    file.seek(first)
    frame = file.read(64)
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    if place < 0 or len(frame) < place + 12 or not frame[place + 7] & 1:
        return None
    return int.from_bytes(frame[place + 8 : place + 12], "big")


def with_note(file: OpenFile, row: Row) -> MendedFile:
    """The frames of an mp3, preceded by a note of their number.

    A decoder assumes that all frames have the bit rate of the first, and stops at the length that follows from it; but
    it trusts a note.
    """
    file.seek(row.first)
    header = int.from_bytes(file.read(4), "big") & ~0xF000 | _LARGEST_BITRATE << 12 | 0x1_0000  # without a checksum
    is_first_version, is_mono = header >> 19 & 3 == 3, header >> 6 & 3 == 3
    side_information = (17 if is_mono else 32) if is_first_version else (9 if is_mono else 17)
    start = header.to_bytes(4, "big")
    frame = _frame(start)
    assert frame is not None
    note = start + bytes(side_information) + b"Xing" + struct.pack(">II", 1, row.num_frames)
    return MendedFile(note.ljust(frame.length, b"\0"), file, row.first)


def adts_length(file: OpenFile, position: int) -> int:
    """Bytes of the ADTS frame at a position; 0 where there is none."""
    file.seek(position)
    header = file.read(7)
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    length = int.from_bytes(header[3:6], "big") >> 5 & 0x1FFF
    return length if length > 7 else 0


def is_adts(file: OpenFile, position: int) -> bool:
    """Whether two ADTS frames follow each other at a position, or one is the whole rest."""
    length = adts_length(file, position)
    size = file.seek(0, io.SEEK_END)
    return length > 0 and (position + length == size or adts_length(file, position + length) > 0)
