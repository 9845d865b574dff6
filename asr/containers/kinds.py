"""The kind of a sound file, by its first bytes and never its name; anything else is never tried as sound."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from asr.containers import mpeg
from asr.containers.chunks import LAYOUTS, wav_codec
from asr.containers.open_file import OpenFile
from asr.errors import AudioError


class Decoder(StrEnum):
    """The two decoders."""

    LIBSNDFILE = "libsndfile"
    FFMPEG = "ffmpeg"


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` of a format for people, its `demuxer` in ffmpeg (which is given it, and must not guess), the `codec` of
    its sound, if known, the decoders that read it correctly, best first, and whether it may have several tracks."""

    name: str
    demuxer: str
    decoders: tuple[Decoder, ...] = (Decoder.FFMPEG,)
    codec: str = ""
    has_tracks: bool = False

    def __str__(self) -> str:
        return f"{self.codec} in {self.name}" if self.codec else self.name


_NATIVE = (Decoder.LIBSNDFILE,)
_EITHER = (Decoder.LIBSNDFILE, Decoder.FFMPEG)  # the second for codecs that the first does not know

MP3, WAV, OGG = Kind("MP3", "mp3", _NATIVE), Kind("WAV", "wav", _NATIVE), Kind("Ogg", "ogg")
FLAC, SPHERE, AU = Kind("FLAC", "flac", _NATIVE), Kind("SPHERE", "nistsphere", _NATIVE), Kind("AU", "au", _EITHER)
AIFF, CAF, ADTS = Kind("AIFF", "aiff", _EITHER), Kind("CAF", "caf", _EITHER), Kind("ADTS", "aac", codec="AAC")
W64, AVI = Kind("Wave64", "w64", _EITHER), Kind("AVI", "avi", has_tracks=True)
MP4 = Kind("MP4 or QuickTime", "mov", has_tracks=True)
MATROSKA = Kind("Matroska or WebM", "matroska", has_tracks=True)
_FORMS = {
    (b"RIFF", b"AVI "): AVI,
    (b"FORM", b"AIFF"): replace(AIFF, decoders=_NATIVE),
    (b"FORM", b"AIFC"): AIFF,  # compressed
}
_MAGICS: tuple[tuple[bytes, Kind], ...] = (
    (b".snd", AU),
    (b"caff", CAF),
    (b"NIST_1A", SPHERE),
    (b"fLaC", FLAC),
    (b"\x1a\x45\xdf\xa3", MATROSKA),
    (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", W64),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("Windows Media (ASF)", "asf", has_tracks=True)),
    (b"#!AMR\n", Kind("AMR", "amr")),
    (b"#!AMR-WB\n", Kind("AMR", "amr", codec="AMR-WB")),
    (b"FLV\x01", Kind("Flash Video", "flv")),
    (b"\x00\x00\x01\xba", Kind("MPEG program stream", "mpeg", has_tracks=True)),
    (b"\x0b\x77", Kind("AC-3", "ac3")),
    (b"\x7f\xfe\x80\x01", Kind("DTS", "dts")),
    (b"MAC ", Kind("Monkey's Audio", "ape")),
    (b"wvpk", Kind("WavPack", "wv")),
    (b"TTA1", Kind("True Audio", "tta")),
    (b"tBaK", Kind("TAK", "tak")),
    (b"MPCK", Kind("Musepack", "mpc8")),
    (b"MP+", Kind("Musepack", "mpc")),
    (b".RMF", Kind("RealMedia", "rm", has_tracks=True)),
    (b".ra\xfd", Kind("RealAudio", "rm")),
    (b"Creative Voice File\x1a", Kind("Creative Voice", "voc")),
    (b"ajkg", Kind("Shorten", "shn")),
)
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # the first of a file
_TS_PACKET = 188  # bytes of an MPEG transport stream, each begins with 0x47

# By number (RFC 2361): the codecs in WAV that libsndfile decodes correctly, and the names of others in use.
_WAV_NATIVE = {0x1, 0x2, 0x3, 0x6, 0x7, 0x11, 0x31, 0x38, 0x40}
_WAV_CODECS = {
    0x14: "G.723",
    0x22: "TrueSpeech",
    0x42: "G.723.1",
    0x45: "G.726",
    0x50: "MP2",
    0x55: "MP3",
    0x64: "G.726",
    0x83: "G.729",
    0xFF: "AAC",
    0x160: "WMA 1",
    0x161: "WMA 2",
    0x162: "WMA Pro",
    0x2000: "AC-3",
    0x2001: "DTS",
}
_CAF_NATIVE = (b"lpcm", b"alaw", b"ulaw")
_AU_NATIVE = range(1, 8)
_OGG_CODECS = {b"OpusHead": "Opus", b"\x01vorbis": "Vorbis", b"\x7fFLAC": "FLAC", b"Speex   ": "Speex"}
_OGG_NATIVE = ("Opus", "Vorbis", "")


def identify(file: OpenFile, path: Path) -> Kind:
    """What a sound file is; `path` is for messages.

    Raises:
        AudioError: it is empty, or of no format known here.
    """
    file.seek(0)
    start = file.read(64)
    if not start:
        raise AudioError(f"{path}: the file is empty (0 bytes)")
    kind = _by_magic(start, file) or _by_frames(start, file)
    if kind is None:
        shown = ascii(start[:16].decode("latin-1"))
        raise AudioError(f"{path}: not audio that can be read: no known sound format begins with {shown}")
    return kind


def _by_magic(start: bytes, file: OpenFile) -> Kind | None:
    magic, form = start[:4], start[8:12]
    if magic in (b"RIFF", b"RIFX", b"RF64") and form == b"WAVE":
        return _wav(file, magic)
    if magic == b"OggS":
        return _ogg(start)
    if start[4:8] in _MP4_BOXES:
        return MP4
    kind = _FORMS.get((magic, form)) or next((kind for begin, kind in _MAGICS if start.startswith(begin)), None)
    is_plain = (kind is CAF and start[28:32] in _CAF_NATIVE) or (
        kind is AU and int.from_bytes(start[12:16], "big") in _AU_NATIVE
    )
    return replace(kind, decoders=_NATIVE) if kind and is_plain else kind


def _by_frames(start: bytes, file: OpenFile) -> Kind | None:
    """Streams have no header, only a sequence of frames or packets of the same form."""
    position = mpeg.end_of_tags(file)
    file.seek(position)
    if position and file.read(4) == b"fLaC":
        return FLAC
    if mpeg.is_adts(file, position):
        return ADTS
    if mpeg.find_first(file, position) is not None:
        return MP3
    file.seek(0)
    if file.read(4 * _TS_PACKET + 1)[::_TS_PACKET] == b"G" * 5:
        return Kind("MPEG transport stream", "mpegts", has_tracks=True)
    if mpeg.find_first(file, position, foreign=True) is not None:
        # libsndfile knows an mp3 by its first bytes only.
        return MP3 if position else replace(MP3, decoders=(Decoder.FFMPEG,))
    return None


def _wav(file: OpenFile, magic: bytes) -> Kind:
    codec = wav_codec(file, LAYOUTS[magic])
    if codec is None or codec in _WAV_NATIVE:
        return WAV
    return replace(WAV, decoders=(Decoder.FFMPEG,), codec=_WAV_CODECS.get(codec, f"codec 0x{codec:04X}"))


def _ogg(start: bytes) -> Kind:
    """The first packet follows a header of 27 bytes and the lengths of its segments."""
    packet = start[27 + start[26] :] if len(start) > 26 else b""
    codec = next((name for magic, name in _OGG_CODECS.items() if packet.startswith(magic)), "")
    return replace(OGG, codec=codec, decoders=_NATIVE if codec in _OGG_NATIVE else (Decoder.FFMPEG,))
