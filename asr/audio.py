"""Stage 1: sound file -> waveform.

Whatever the file's format, rate, width and number of channels, what comes out is 16 kHz mono float32 in [-1, 1].
soundfile (libsndfile) decodes wav, flac, ogg, opus, mp3, SPHERE and more; what it does not know (m4a, video)
goes to the decoder of the system through librosa, where there is one; soxr resamples.
"""

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import torch
from jaxtyping import Float
from torch import Tensor

from asr.errors import AudioError

SAMPLE_RATE = 16_000
_UNKNOWN_LENGTHS = (0, 0xFFFFFFFF, 0xFFFFFFFF - 36)  # what encoders write into a WAV header while they stream


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a sound file says of itself, before any conversion. `duration` in seconds, `sample_rate` in Hz."""

    format: str
    encoding: str
    sample_rate: int
    num_channels: int
    num_samples: int

    @property
    def duration(self) -> float:
        return self.num_samples / self.sample_rate


def load_audio(path: str | Path, *, offset: float = 0.0, duration: float | None = None) -> Float[Tensor, "samples"]:
    """The waveform of a sound file, or of `duration` seconds of it from `offset` on: 16 kHz, mono, in [-1, 1].

    Channels are averaged. A float file that goes beyond 1.0 is scaled down by its peak, so nothing is clipped.

    Raises:
        AudioError: the file is missing, empty, not audio, truncated, has no samples, or has samples that are
            NaN or infinite.
    """
    samples, sample_rate = _decode(Path(path), offset, duration)
    if not np.isfinite(samples).all():
        first = int(np.argmin(np.isfinite(samples).all(axis=1)))
        raise AudioError(
            f"{path}: holds samples that are NaN or infinite, the first at {offset + first / sample_rate:.3f} s; "
            "repair or re-export the file"
        )
    return to_waveform(samples, sample_rate)


def to_waveform(samples: npt.NDArray[np.float32], sample_rate: int) -> Float[Tensor, "samples"]:
    """Finite samples of shape (num_samples, num_channels) at any rate -> 16 kHz mono in [-1, 1]."""
    mono = samples.mean(axis=1, dtype=np.float32)
    if sample_rate != SAMPLE_RATE:
        mono = soxr.resample(mono, sample_rate, SAMPLE_RATE, quality="HQ")
    peak = float(np.abs(mono).max(initial=0.0))
    if peak > 1.0:  # a float file, or the resampler's ringing
        mono = mono / peak
    return torch.from_numpy(np.ascontiguousarray(mono, dtype=np.float32))


def audio_info(path: str | Path) -> AudioInfo:
    """Format, rate, channels and length of a sound file, from its header.

    Raises:
        AudioError: as `load_audio`, as far as the header tells.
    """
    path = Path(path)
    _refuse_empty(path)
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        samples, sample_rate = _decode_with_system(path, 0.0, None)
        return AudioInfo(path.suffix.lstrip(".").upper(), "?", sample_rate, samples.shape[1], samples.shape[0])
    return AudioInfo(info.format, info.subtype, info.samplerate, info.channels, info.frames)


def _decode(path: Path, offset: float, duration: float | None) -> tuple[npt.NDArray[np.float32], int]:
    """Samples (num_samples, num_channels) as they are in the file, and their rate in Hz."""
    _refuse_empty(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            _refuse_truncated(path, file)
            start = min(round(offset * file.samplerate), file.frames)
            rest = file.frames - start
            wanted = rest if duration is None else min(round(duration * file.samplerate), rest)
            if start:
                file.seek(start)
            samples = file.read(wanted, dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except soundfile.LibsndfileError as error:
        if path.suffix.lower() in {".wav", ".flac", ".ogg", ".opus", ".sph", ".aiff", ".mp3"}:
            raise AudioError(f"{path}: not audio that can be read: {_reason(error)}") from None
        return _decode_with_system(path, offset, duration)
    if len(samples) < wanted:
        raise AudioError(f"{path}: truncated: {len(samples)} of {wanted} samples can be read; get the whole file")
    if len(samples) == 0:
        where = f" from {offset} s on" if offset else ""
        raise AudioError(f"{path}: holds no samples{where}")
    return samples, rate


def _decode_with_system(path: Path, offset: float, duration: float | None) -> tuple[npt.NDArray[np.float32], int]:
    """Formats that libsndfile does not know, by ffmpeg or the system's own decoder."""
    import audioread
    import librosa

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # librosa announces that this path is slower; there is no other one
            samples, rate = librosa.load(str(path), sr=None, mono=False, offset=offset, duration=duration)
    except (audioread.DecodeError, soundfile.LibsndfileError, EOFError, OSError):
        raise AudioError(
            f"{path}: not audio that can be read here; m4a and video need ffmpeg on the system, "
            "or convert the file to wav or flac"
        ) from None
    if samples.size == 0:
        raise AudioError(f"{path}: holds no samples")
    return np.atleast_2d(samples).T.astype(np.float32), int(rate)


def _refuse_empty(path: Path) -> None:
    if not path.exists():
        raise AudioError(f"{path}: no such file")
    if path.is_dir():
        raise AudioError(f"{path}: is a folder, expected a sound file")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise AudioError(f"{path}: can not be opened: {error.strerror}") from None
    if empty:
        raise AudioError(f"{path}: the file is empty (0 bytes)")


def _refuse_truncated(path: Path, file: Any) -> None:
    """libsndfile quietly reads what is there of a cut file; the formats themselves tell how much there was."""
    missing: int | None = None
    if file.format == "WAV":
        missing = _missing_bytes_wav(path)
    elif file.format == "NIST":
        missing = _missing_bytes_sphere(path)
    elif file.format == "OGG" and not _ends_ogg_stream(path):
        raise AudioError(f"{path}: truncated: the Ogg stream has no end; get the whole file")
    if missing:
        raise AudioError(f"{path}: truncated: {missing} bytes of sound are missing; get the whole file")


def _missing_bytes_wav(path: Path) -> int | None:
    """How far the data chunk goes beyond the end of the file; None where the header does not tell."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return None
        position = 12
        while position + 8 <= size:
            file.seek(position)
            name, length = struct.unpack("<4sI", file.read(8))
            if name == b"data":
                return None if length in _UNKNOWN_LENGTHS else max(0, position + 8 + length - size)
            position += 8 + length + length % 2
    return None


def _missing_bytes_sphere(path: Path) -> int | None:
    """NIST SPHERE: a text header that says its own size, then the samples."""
    with path.open("rb") as file:
        _, header_size = file.readline(), int(file.readline())
        file.seek(0)
        header = file.read(header_size).decode("ascii", errors="replace")
    fields = dict(line.split(maxsplit=2)[::2] for line in header.splitlines()[2:] if len(line.split(maxsplit=2)) == 3)
    try:
        expected = int(fields["sample_count"]) * int(fields.get("channel_count", 1)) * int(fields["sample_n_bytes"])
    except (KeyError, ValueError):
        return None
    return max(0, header_size + expected - path.stat().st_size)


def _ends_ogg_stream(path: Path) -> bool:
    """Whether the last Ogg page is whole and carries the end-of-stream flag (RFC 3533)."""
    max_page = 65_307
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - max_page))
        tail = file.read()
    start = tail.rfind(b"OggS")
    if start < 0 or len(tail) < start + 27:
        return False
    page = tail[start:]
    num_segments = page[26]
    page_size = 27 + num_segments + sum(page[27 : 27 + num_segments])
    return bool(page[5] & 4) and len(page) >= page_size


def _reason(error: Exception) -> str:
    text = str(error).rstrip(".")
    return text.split(": ", 1)[-1] if ": " in text else text
