"""FLAC files without their length in the header, as encoders write them to a pipe (RFC 9639)."""

import io
from functools import cache

from asr.containers.open_file import MendedFile, OpenFile

_LENGTH_END = 26  # the header up to the number of samples
_TAIL = 1 << 18  # bytes at the end, which hold the last frame: no encoder makes larger ones
_MOST_TRIALS = 64  # of places that look like a frame; in sound, one in a million bytes does
_BLOCK_SIZES = {
    1: 192,
    **{code: 576 << (code - 2) for code in range(2, 6)},
    **{c: 256 << (c - 8) for c in range(8, 16)},
}


@cache
def _crc_table(polynomial: int, bits: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> (bits - 1) & 1 else 0)
        table.append(value & (1 << bits) - 1)
    return tuple(table)


def tells_length(file: OpenFile) -> bool:
    """Whether the header gives the number of samples, or is not a plain FLAC header."""
    file.seek(0)
    header = file.read(_LENGTH_END)
    return len(header) < _LENGTH_END or header[4] & 0x7F != 0 or _told_samples(header) > 0


def _told_samples(header: bytes) -> int:
    return int.from_bytes(header[21:], "big") & 0xF_FFFF_FFFF


def with_length(file: OpenFile) -> MendedFile | None:
    """The file with the number of samples written into its header, computed from the number of the last frame.

    None if there is no whole frame at the end: then the file is truncated.
    """
    file.seek(0)
    head = bytearray(file.read(_LENGTH_END))
    file.seek(max(0, file.seek(0, io.SEEK_END) - _TAIL))
    num_samples = _end_of_last_frame(file.read(), block_size=int.from_bytes(head[8:10], "big"))
    if not num_samples or num_samples >> 36:
        return None
    head[21] = head[21] & 0xF0 | num_samples >> 32
    head[22:] = (num_samples & 0xFFFF_FFFF).to_bytes(4, "big")
    return MendedFile(bytes(head), file, _LENGTH_END)


def has_other_blocks(file: OpenFile | MendedFile) -> bool:
    """Whether the first frame has not the size that all frames but the last have by the header. A decoder would put
    frames in wrong places."""
    file.seek(0)
    header = file.read(_LENGTH_END)
    shortest, longest = header[8:10], header[10:12]
    if header[:4] != b"fLaC" or shortest != longest:
        return False
    position, block = 4, header[4:8]  # metadata blocks: a flag on the last one and 24 bits of length
    while len(block) == 4 and not block[0] & 0x80:
        position += 4 + int.from_bytes(block[1:], "big")
        file.seek(position)
        block = file.read(4)
    file.seek(position + 4 + int.from_bytes(block[1:], "big"))
    first = _end_of_frame(file.read(16), block_size=0)
    return first is not None and first < _told_samples(header) and first != int.from_bytes(longest, "big")


def _end_of_last_frame(tail: bytes, *, block_size: int) -> int | None:
    """The number of samples up to the end of the last frame, which has to be complete.

    Sound may contain the mark that begins a frame, but only after a true one both checksums come to zero.
    """
    place, num_trials = tail.rfind(b"\xff"), 0
    while place >= 0 and num_trials < _MOST_TRIALS:
        end = _end_of_frame(tail[place : place + 16], block_size)
        if end is not None:
            if _checksum(tail[place:], 0x8005, 16) == 0:
                return end
            num_trials += 1
        place = tail.rfind(b"\xff", 0, place)
    return None


def _end_of_frame(header: bytes, block_size: int) -> int | None:
    """The number of the sample after a frame, by its header; None if that is not a frame header."""
    if len(header) < 6 or header[1] & 0xFE != 0xF8 or header[3] & 1:
        return None
    size_code, rate_code = header[2] >> 4, header[2] & 15
    number_length = max(1, 8 - (header[4] ^ 0xFF).bit_length())  # written as UTF-8 writes a character
    position = 4 + number_length
    extra = {6: 1, 7: 2}.get(size_code, 0)
    end = position + extra + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if size_code == 0 or len(header) <= end or _checksum(header[: end + 1], 0x07, 8) != 0:
        return None
    number = header[4] if number_length == 1 else header[4] & (0x7F >> number_length)
    for byte in header[5:position]:
        number = number << 6 | byte & 0x3F
    num_samples = int.from_bytes(header[position : position + extra], "big") + 1 if extra else _BLOCK_SIZES[size_code]
    has_varying_blocks = header[1] & 1  # then samples are numbered, not frames
    return number + num_samples if has_varying_blocks else number * block_size + num_samples


def _checksum(content: bytes, polynomial: int, bits: int) -> int:
    """The CRC: zero over anything that ends in its own checksum."""
    table, value = _crc_table(polynomial, bits), 0
    for byte in content:
        value = (value << 8 & (1 << bits) - 1) ^ table[value >> (bits - 8) ^ byte]
    return value
