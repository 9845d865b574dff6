"""Is a sound file complete? Each format says in its own way how much sound belongs to it.

libsndfile does not notice: it reads what is left of a truncated file, and only the first of joined files. ffmpeg
notices for some formats, and not for others.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from asr.containers import chunks, flac, mpeg
from asr.containers.kinds import ADTS, AIFF, AU, AVI, CAF, FLAC, MATROSKA, MP3, MP4, OGG, SPHERE, W64, WAV, Kind
from asr.containers.open_file import MendedFile, OpenFile
from asr.errors import AudioError, TruncatedAudioError


@dataclass(frozen=True, slots=True)
class Account:
    """Facts about a file that its decoder would not know, or get wrong.

    `mended`: the file with the true length in its header. `num_samples` of a channel, where the header's number is
    wrong; without `tells_length`, it is unknown. `doubt`: what a user has to know about it.
    """

    mended: MendedFile | None = None
    num_samples: int | None = None
    tells_length: bool = True
    doubt: str = ""


def examine(file: OpenFile, kind: Kind, path: Path) -> Account:
    """Compare the length that a sound file should have by its own headers with what is there; `path` is for messages.

    Raises:
        AudioError: the file is truncated, or is several recordings joined, or has a codec that no decoder here reads.
    """
    size = file.seek(0, io.SEEK_END)
    if kind.name in _MISSING:
        missing = _MISSING[kind.name](file, size, path)
        if missing > 0:
            raise TruncatedAudioError(f"{path}: truncated: {missing} bytes of sound are missing; get the whole file")
    match kind.name:
        case WAV.name:
            return Account(mended=chunks.with_length(file))
        case FLAC.name:
            return _of_flac(file, path)
        case OGG.name:
            return _of_ogg(file, size, path)
        case MP3.name:
            return _of_mp3(file, size, path)
    return Account()


def _missing_of_chunks(file: OpenFile, size: int, path: Path) -> int:
    file.seek(0)
    magic = file.read(4)
    start, length = chunks.sound_chunk(file, chunks.LAYOUTS[magic], size)
    if magic == b"RF64":  # 64-bit lengths are in a chunk of their own, always the first
        file.seek(28)
        length = int.from_bytes(file.read(8), "little")
    elif magic != b"caff" and length >= chunks.STREAMED:
        return 0
    if magic == b"RIFF":
        file.seek(min(start + length + length % 2, size))
        if file.read(4) == b"RIFF":
            raise AudioError(_joined(path))
    return start + length - size


def _missing_of_au(file: OpenFile, size: int, path: Path) -> int:
    file.seek(0)
    start = file.read(12)
    if len(start) < 12 or start[8:] == b"\xff" * 4:  # the mark of an unknown length
        return 0
    position, length = struct.unpack(">II", start[4:])
    return int(position + length - size)


def _missing_of_sphere(file: OpenFile, size: int, path: Path) -> int:
    """NIST SPHERE: a header of text that says its own size, then the samples."""
    file.seek(8)
    try:
        header_size = int(file.read(8))
        file.seek(0)
        lines = file.read(min(header_size, 1 << 20)).decode("ascii", errors="replace").splitlines()
        fields = dict(line.split(maxsplit=2)[::2] for line in lines if len(line.split(maxsplit=2)) == 3)
        coding = fields.get("sample_coding", "pcm")
        if "," in coding:  # such as pcm,embedded-shorten-v2.00
            raise AudioError(
                f"{path}: SPHERE compressed with {coding.partition('-')[2] or coding}, which cannot be decoded here; "
                "convert it to wav: `sph2pipe -p -f wav IN OUT` undoes shorten"
            )
        length = int(fields["sample_count"]) * int(fields.get("channel_count", 1)) * int(fields["sample_n_bytes"])
    except (KeyError, ValueError):
        return 0  # libsndfile reports such a header itself
    return header_size + length - size


def _missing_of_avi(file: OpenFile, size: int, path: Path) -> int:
    file.seek(4)
    length = int.from_bytes(file.read(4), "little")
    return 0 if length == 0 or length >= chunks.STREAMED else 8 + length - size


def _missing_of_w64(file: OpenFile, size: int, path: Path) -> int:
    file.seek(16)
    length = int.from_bytes(file.read(8), "little")
    return length - size if length < 1 << 62 else 0


def _missing_of_mp4(file: OpenFile, size: int, path: Path) -> int:
    """A sequence of boxes; without the one named moov, which recorders write last, nothing can be decoded."""
    position, names = 0, set()
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, name = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:  # 64 bits after the name
            length = int.from_bytes(header[8:], "big")
        elif length == 0:  # up to the end
            length = size - position
        if length < 8 or not (name.isascii() and name.decode().isprintable()):
            return 0  # not a box: ffmpeg reports it itself
        names.add(name)
        position += length
    if b"moov" not in names:
        raise TruncatedAudioError(f"{path}: truncated: the table of contents (moov) is missing; get the whole file")
    return position - size


def _missing_of_matroska(file: OpenFile, size: int, path: Path) -> int:
    """A header, then a segment with all the rest and its length, unless it was written to a pipe."""
    file.seek(4)
    head = _ebml_number(file)
    file.seek(head or 0, io.SEEK_CUR)
    if head is None or file.read(4) != b"\x18\x53\x80\x67":
        return 0
    segment = _ebml_number(file)
    return 0 if segment is None else file.tell() + segment - size


def _ebml_number(file: OpenFile) -> int | None:
    """The number of leading zero bits is the number of bytes that follow; None if all bits are set: unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _missing_of_adts(file: OpenFile, size: int, path: Path) -> int:
    position = mpeg.end_of_tags(file)
    while length := mpeg.adts_length(file, position):
        position += length
    return position - size


_MISSING: dict[str, Callable[[OpenFile, int, Path], int]] = {
    WAV.name: _missing_of_chunks,
    AIFF.name: _missing_of_chunks,
    CAF.name: _missing_of_chunks,
    AU.name: _missing_of_au,
    SPHERE.name: _missing_of_sphere,
    AVI.name: _missing_of_avi,
    W64.name: _missing_of_w64,
    MP4.name: _missing_of_mp4,
    MATROSKA.name: _missing_of_matroska,
    ADTS.name: _missing_of_adts,
}


def _of_flac(file: OpenFile, path: Path) -> Account:
    mended = None
    if not flac.tells_length(file):
        mended = flac.with_length(file)
        if mended is None:
            raise TruncatedAudioError(f"{path}: truncated: its last FLAC frame is incomplete; get the whole file")
    if flac.has_other_blocks(mended or file):
        raise AudioError(f"{path}: damaged: its FLAC frames are not of the size that its header tells; get it again")
    return Account(mended=mended)


def _of_ogg(file: OpenFile, size: int, path: Path) -> Account:
    """The last page of a stream has a flag (RFC 3533); no stream begins after it, unless files were joined."""
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
    if position > size or (position < size and not ended):
        raise TruncatedAudioError(f"{path}: truncated: its last Ogg page is incomplete; get the whole file")
    doubt = "" if ended else "the Ogg stream has no end mark, so some of it may be missing; what is there is read"
    return Account(doubt=doubt)


def _of_mp3(file: OpenFile, size: int, path: Path) -> Account:
    """The first frame may be a note (Xing, Info) of how many follow; a decoder trusts it, and without it assumes that
    all have the bit rate of the first."""
    tags = mpeg.end_of_tags(file)
    first = mpeg.find_first(file, tags)
    if first is None:
        return Account(tells_length=False)  # other bytes before the frames: left to the decoder
    row = mpeg.row_of_frames(file, first)
    file.seek(min(row.end, size))
    rest = file.read(3)
    if rest not in (b"", b"TAG", b"APE", b"ID3", b"\0\0\0"):
        return Account(tells_length=False)  # and here between them
    if row.end > size:
        raise TruncatedAudioError(f"{path}: truncated: the last mp3 frame is incomplete; get the whole file")
    noted = mpeg.noted_frames(file, first)
    if noted is None:
        return Account(mended=mpeg.with_note(file, row)) if row.varies else Account(num_samples=row.num_samples)
    there = f"{row.num_frames} of {noted} mp3 frames are there"
    if row.num_frames < noted - noted // 100:
        raise TruncatedAudioError(f"{path}: truncated: {there}; get the whole file")
    if row.num_frames < noted:  # a file that is cut by a download hardly ever ends with a frame, or so near the end
        return Account(tells_length=False, doubt=f"{there}, so some of it may be missing; what is there is read")
    if row.num_frames > noted + 2 or rest == b"ID3":
        raise AudioError(_joined(path))
    return Account()


def _joined(path: Path) -> str:
    return f"{path}: holds a second recording after the first, which would not be heard; split them, or convert to flac"
