"""Stage 1: sound file -> waveform.

Whatever the file's format, rate, width and number of channels, what comes out is 16 kHz mono float32 in [-1, 1].
soundfile (libsndfile) decodes wav, flac, ogg, opus, mp3, SPHERE and more; what it does not know (m4a, video)
goes to the decoder of the system through audioread, where there is one; soxr resamples.
"""

import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO, FileIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import torch
from jaxtyping import Float
from torch import Tensor

from asr import containers
from asr.errors import AudioError

SAMPLE_RATE = 16_000
_LOWEST_RATE, _HIGHEST_RATE = 4_000, 768_000  # Hz; beyond, it is not a rate but a damaged header
_MOST_SAMPLES = 2**40  # a year at 35 kHz; libsndfile gives 2**63 - 1 where it does not know
_stderr_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Sound:
    """What a sound file holds, as it is: `samples` (num_samples, num_channels), full scale 1.0, `sample_rate` in Hz."""

    samples: npt.NDArray[np.float32]
    sample_rate: int
    format: str
    encoding: str

    @property
    def num_channels(self) -> int:
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """In seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True)
class EncodedSound:
    """A sound file that is in memory: its bytes, and the path that messages name, such as shard.tar/member.flac."""

    path: Path
    content: bytes

    def __str__(self) -> str:
        return str(self.path)


def load_audio(
    source: str | Path | EncodedSound, *, offset: float = 0.0, duration: float | None = None
) -> Float[Tensor, "samples"]:
    """The waveform of a sound file, or of `duration` seconds of it from `offset` on: 16 kHz, mono, in [-1, 1].

    Channels are averaged. A float file that goes beyond 1.0 is scaled down by its peak, so nothing is clipped.

    Raises:
        AudioError: the file is missing, empty, not audio, truncated, has no samples, or has samples that are
            NaN or infinite.
    """
    return sound_to_waveform(read_sound(source, offset=offset, duration=duration), source)


def sound_to_waveform(sound: Sound, source: str | Path | EncodedSound) -> Float[Tensor, "samples"]:
    """What a file holds -> 16 kHz mono in [-1, 1].

    Raises:
        AudioError: it is shorter than one sample at 16 kHz.
    """
    waveform = to_waveform(sound.samples, sound.sample_rate)
    if len(waveform) == 0:
        raise AudioError(f"{source}: too short: {len(sound.samples)} samples at {sound.sample_rate} Hz")
    return waveform


def to_waveform(samples: npt.NDArray[np.float32], sample_rate: int) -> Float[Tensor, "samples"]:
    """Finite samples of shape (num_samples, num_channels) at any rate -> 16 kHz mono in [-1, 1]."""
    # The sum of huge floats needs the range of float64.
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float64)
    mono = _within_full_scale(mono)
    if sample_rate != SAMPLE_RATE:
        mono = _within_full_scale(soxr.resample(mono, sample_rate, SAMPLE_RATE, quality="HQ"))  # it may ring
    return torch.from_numpy(np.ascontiguousarray(mono, dtype=np.float32))


def read_sound(source: str | Path | EncodedSound, *, offset: float = 0.0, duration: float | None = None) -> Sound:
    """A sound file, or `duration` seconds of it from `offset` on, as it is, before any conversion.

    Raises:
        AudioError: as `load_audio`.
    """
    path = source.path if isinstance(source, EncodedSound) else Path(source)
    with BytesIO(source.content) if isinstance(source, EncodedSound) else _open(path) as file:
        start = file.read(12)
        if not start:
            raise AudioError(f"{path}: the file is empty (0 bytes)")
        if containers.is_known(start):
            containers.refuse_incomplete(file, path)
            with _mpg123_muted() if containers.is_mp3(start) else nullcontext():
                sound = _decode(file, path, offset, duration)
        else:
            with _on_disk(source) as name:
                sound = _decode_with_system(path, name, offset, duration)
    _refuse_unusable(sound, path, offset)
    return sound


def _within_full_scale(mono: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    peak = float(np.abs(mono).max(initial=0.0))
    return mono / peak if peak > 1.0 else mono


def _open(path: Path) -> FileIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise AudioError(f"{path}: is a folder, expected a sound file")
        if not stat.S_ISREG(mode):  # opening a pipe might wait for ever
            raise AudioError(f"{path}: is a pipe or a device, expected a file; save the sound to a file first")
        return FileIO(path)
    except (FileNotFoundError, ValueError):  # ValueError: no file can have such a name
        raise AudioError(f"{path}: no such file") from None
    except OSError as error:
        raise AudioError(f"{path}: can not be opened: {error.strerror}") from None


@contextmanager
def _on_disk(source: str | Path | EncodedSound) -> Iterator[str]:
    """The name of a file that holds the sound, for decoders that read nothing else."""
    if not isinstance(source, EncodedSound):
        yield str(source)
        return
    with tempfile.NamedTemporaryFile(suffix=source.path.suffix) as file:
        file.write(source.content)
        file.flush()
        yield file.name


def _decode(file: containers.OpenFile, path: Path, offset: float, duration: float | None) -> Sound:
    source = containers.with_length(file) or (file if isinstance(file, BytesIO) else file.fileno())
    file.seek(0)
    try:
        # By its handle: from a name, libsndfile would guess the format of what it does not know.
        reader = soundfile.SoundFile(source, closefd=False)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: not audio that can be read: {error.error_string.rstrip('.')}") from None
    with reader:
        if reader.frames > _MOST_SAMPLES:
            raise AudioError(f"{path}: does not tell its length, as if written into a pipe; encode it again to a file")
        first = round(min(max(0.0, offset) * reader.samplerate, reader.frames))
        rest = reader.frames - first
        wanted = rest if duration is None else round(min(duration * reader.samplerate, rest))
        lead_in = min(first, reader.samplerate)  # decoders of mp3 and opus need a while until they are right
        try:
            if first:
                reader.seek(first - lead_in)
            samples = reader.read(lead_in + wanted, dtype="float32", always_2d=True)[lead_in:]
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{path}: truncated or damaged: {error.error_string.rstrip('.')}") from None
        except MemoryError:
            raise AudioError(f"{path}: does not fit into memory: {wanted} samples by its header") from None
        # The header of an mp3 tells its length up to a frame; its frames were counted before.
        if len(samples) < wanted and reader.format != "MP3":
            raise AudioError(f"{path}: truncated: {len(samples)} of {wanted} samples can be read; get the whole file")
        return Sound(samples, int(reader.samplerate), reader.format, reader.subtype)


def _decode_with_system(path: Path, name: str, offset: float, duration: float | None) -> Sound:
    """Formats that libsndfile does not know, by ffmpeg or another decoder of the system; they give 16-bit samples."""
    import audioread

    try:
        with audioread.audio_open(name) as file:
            rate, num_channels = int(file.samplerate), int(file.channels)
            samples = np.frombuffer(b"".join(file), "<i2").reshape(-1, num_channels).astype(np.float32)
    except (audioread.DecodeError, EOFError, OSError, ValueError):
        raise AudioError(
            f"{path}: not audio that can be read here; m4a and video need ffmpeg on the system, "
            "or convert the file to wav or flac"
        ) from None
    first = round(min(offset * rate, len(samples)))
    end = len(samples) if duration is None else first + round(min(duration * rate, len(samples)))
    return Sound(samples[first:end] / np.float32(2**15), rate, path.suffix.lstrip(".").upper(), "decoded by the system")


def _refuse_unusable(sound: Sound, path: Path, offset: float) -> None:
    if not _LOWEST_RATE <= sound.sample_rate <= _HIGHEST_RATE:
        raise AudioError(
            f"{path}: the sample rate is {sound.sample_rate} Hz, expected {_LOWEST_RATE} to {_HIGHEST_RATE}; "
            "the header is damaged"
        )
    if len(sound.samples) == 0:
        raise AudioError(f"{path}: holds no samples" + (f" from {offset} s on" if offset else ""))
    finite = np.isfinite(sound.samples)
    if not finite.all():
        first = int(np.argmin(finite.all(axis=1)))
        raise AudioError(
            f"{path}: holds samples that are NaN or infinite, the first at {offset + first / sound.sample_rate:.3f} s; "
            "repair the file, or export it again"
        )


@contextmanager
def _mpg123_muted() -> Iterator[None]:
    """The decoder of mp3 writes its doubts to stderr by itself; what a user has to know is in our own message."""
    with _stderr_lock:
        saved = os.dup(2)
        try:
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
