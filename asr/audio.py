"""Stage 1: sound file -> waveform.

Whatever the file's format, rate, width and number of channels, what comes out is 16 kHz mono float32 in [-1, 1].
What a file is, its first bytes tell (`asr/containers/`); soundfile (libsndfile) decodes wav, flac, ogg, opus, mp3 and
SPHERE, ffmpeg, where it is installed, the others (`asr/decoders/`); soxr resamples.
"""

import io
import os
import stat
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
import torch
from jaxtyping import Float
from torch import Tensor

from asr.channels import OPPOSED, Channels, columns, loudest_of_opposed, mean
from asr.containers.kinds import Decoder, identify
from asr.containers.whole import examine
from asr.decoders import ffmpeg, libsndfile
from asr.decoders.stream import Block, Stream
from asr.errors import AudioError, AudioWarning, system_reason

SAMPLE_RATE = 16_000
SILENT_PEAK = 1e-4  # of full scale, -80 dB: three steps of a 16-bit file; what stays below is silence
_LOWEST_RATE, _HIGHEST_RATE = 4_000, 768_000  # Hz; beyond, it is not a rate but a damaged header
_MOST_SAMPLES = 2**40  # a year at 35 kHz


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a sound file is: `sample_rate` in Hz, `num_samples` of each channel, `doubt` as in `Sound`."""

    format: str
    encoding: str
    sample_rate: int
    num_channels: int
    num_samples: int
    doubt: str

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.num_samples / self.sample_rate


@dataclass(frozen=True, slots=True)
class Sound:
    """What a sound file holds, as it is: `samples` (num_samples, num_channels), full scale 1.0, `sample_rate` in Hz.

    `doubt`: what is odd about it, so that it may not be all that it should be; empty if nothing is. `loudest`: the
    channel (a column of `samples`) that is to be heard alone, as together they cancel each other.
    """

    samples: npt.NDArray[np.float32]
    sample_rate: int
    format: str
    encoding: str
    doubt: str = ""
    loudest: int | None = None

    @property
    def num_channels(self) -> int:
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """In seconds."""
        return len(self.samples) / self.sample_rate

    def mono(self) -> npt.NDArray[np.floating]:
        """The mean of the channels (num_samples,), in float64 if there are several, or the one that is heard alone."""
        return mean(self.samples) if self.loudest is None else self.samples[:, self.loudest]


@dataclass(frozen=True, slots=True)
class EncodedSound:
    """A sound file that is in memory: its bytes, and the path that messages name, such as shard.tar/member.flac."""

    path: Path
    content: bytes

    def __str__(self) -> str:
        return str(self.path)


def load_audio(
    source: str | Path | EncodedSound, *, offset: float = 0.0, duration: float | None = None, channel: Channels = None
) -> Float[Tensor, "samples"]:
    """The waveform of a sound file, or of `duration` seconds of it from `offset` on: 16 kHz, mono, in [-1, 1].

    Channels are averaged, all or those that `channel` names; if they would cancel each other, the loudest is taken. A
    float file that goes beyond 1.0 is scaled down by its peak, so nothing is clipped. What is odd about a file is told
    by an AudioWarning, once.

    Raises:
        AudioError: the file is missing, empty, not audio, truncated, has no samples, or has samples that are
            NaN or infinite; or it has no such channel; or it needs ffmpeg, which is not installed.
    """
    sound = read_sound(source, offset=offset, duration=duration, channel=channel)
    warn_once(sound, source)
    return sound_to_waveform(sound, source)


def sound_to_waveform(sound: Sound, source: str | Path | EncodedSound) -> Float[Tensor, "samples"]:
    """What a file holds -> 16 kHz mono in [-1, 1].

    Raises:
        AudioError: it is shorter than one sample at 16 kHz.
    """
    waveform = _resampled(sound.mono(), sound.sample_rate)
    if len(waveform) == 0:
        raise AudioError(f"{source}: too short: {len(sound.samples)} samples at {sound.sample_rate} Hz")
    return waveform


def to_waveform(samples: npt.NDArray[np.float32], sample_rate: int) -> Float[Tensor, "samples"]:
    """Finite samples of shape (num_samples, num_channels) at any rate -> 16 kHz mono in [-1, 1], as `load_audio`."""
    loudest = loudest_of_opposed(samples)
    if loudest is not None:
        tell_once(f"the samples: {OPPOSED}")
        samples = samples[:, [loudest]]
    return _resampled(mean(samples), sample_rate)


_warned: set[str] = set()


def warn_once(sound: Sound, source: str | Path | EncodedSound) -> None:
    """Tell what is odd about a file by an AudioWarning, once in this process."""
    if sound.doubt:
        tell_once(f"{source}: {sound.doubt}")


def tell_once(text: str) -> None:
    """An AudioWarning, unless this process has given it before; loaders have none of their own that would be kept."""
    if text not in _warned:
        _warned.add(text)
        warnings.warn(text, AudioWarning, stacklevel=2)


def read_sound(
    source: str | Path | EncodedSound, *, offset: float = 0.0, duration: float | None = None, channel: Channels = None
) -> Sound:
    """A sound file, or `duration` seconds of it from `offset` on, or channels of it, before any conversion.

    Raises:
        AudioError: as `load_audio`.
    """
    path = _path(source)
    with _opened(source) as (stream, doubt):
        heard = columns(channel, stream.num_channels, path)
        try:
            blocks = [block[:, heard] for block in _part(stream, offset, duration)]
            samples = _joined(blocks)
        except MemoryError:
            raise AudioError(f"{path}: does not fit into memory; give a part of it, or split it") from None
    _refuse_unusable(samples, stream.sample_rate, path, offset)
    loudest = loudest_of_opposed(samples)
    if loudest is not None:
        doubt = "; ".join(filter(None, [doubt, OPPOSED]))
    return Sound(samples, stream.sample_rate, stream.format, stream.encoding, doubt, loudest)


def audio_info(source: str | Path | EncodedSound) -> AudioInfo:
    """What a sound file is and how long: by its headers, or where these do not tell, by reading it to its end.

    Raises:
        AudioError: as `load_audio`, but whether samples are finite is not looked at.
    """
    with _opened(source) as (stream, doubt):
        num_samples = stream.num_samples
        if num_samples is None:
            num_samples = sum(len(block) for block in stream.read(0, None))
    if num_samples == 0:
        raise AudioError(f"{source}: holds no samples")
    return AudioInfo(stream.format, stream.encoding, stream.sample_rate, stream.num_channels, num_samples, doubt)


@contextmanager
def _opened(source: str | Path | EncodedSound) -> Iterator[tuple[Stream, str]]:
    """The sound of a file by the decoder that is right for it, and what is odd about the file."""
    path = _path(source)
    with ExitStack() as stack:
        file = io.BytesIO(source.content) if isinstance(source, EncodedSound) else _open(path)
        stack.enter_context(file)
        kind = identify(file, path)
        account = examine(file, kind, path)
        stream = None
        if Decoder.LIBSNDFILE in kind.decoders:
            try:
                stream = stack.enter_context(libsndfile.opened(file, path, kind, account))
            except AudioError as error:
                if Decoder.FFMPEG not in kind.decoders:
                    raise
                if not ffmpeg.is_installed():
                    raise AudioError(f"{error}; ffmpeg may know it: {ffmpeg.HOW_TO_INSTALL}") from None
        if stream is None:
            stream = stack.enter_context(ffmpeg.opened(stack.enter_context(_on_disk(source)), path, kind))
        if not _LOWEST_RATE <= stream.sample_rate <= _HIGHEST_RATE:
            raise AudioError(
                f"{path}: the sample rate is {stream.sample_rate} Hz, expected {_LOWEST_RATE} to {_HIGHEST_RATE}; "
                "the header is damaged"
            )
        yield stream, account.doubt


def _path(source: str | Path | EncodedSound) -> Path:
    return source.path if isinstance(source, EncodedSound) else Path(source)


def _open(path: Path) -> io.FileIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise AudioError(f"{path}: is a folder, expected a sound file")
        if not stat.S_ISREG(mode):  # opening a pipe might wait for ever
            raise AudioError(f"{path}: is a pipe or a device, expected a file; save the sound to a file first")
        return io.FileIO(path)
    except (FileNotFoundError, ValueError):  # ValueError: no file can have such a name
        raise AudioError(f"{path}: no such file") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened: {system_reason(error)}") from None


@contextmanager
def _on_disk(source: str | Path | EncodedSound) -> Iterator[str]:
    """The name of a file that holds the sound, for ffmpeg, which has to go back and forth in it."""
    if not isinstance(source, EncodedSound):
        yield os.fspath(source)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(source.content)
        file.flush()
        yield file.name


def _part(stream: Stream, offset: float, duration: float | None) -> Iterator[Block]:
    """The blocks of a stream between two times in seconds."""
    end = _MOST_SAMPLES if stream.num_samples is None else stream.num_samples
    first = round(min(max(0.0, offset) * stream.sample_rate, end))
    if duration is None:
        return stream.read(first, None if stream.num_samples is None else end - first)
    return stream.read(first, round(min(duration * stream.sample_rate, end - first)))


def _joined(blocks: list[Block]) -> Block:
    """Most sounds are one block, which is not copied."""
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)


def _resampled(mono: npt.NDArray[np.floating], sample_rate: int) -> Float[Tensor, "samples"]:
    mono = _within_full_scale(mono)
    if sample_rate != SAMPLE_RATE:
        mono = _within_full_scale(soxr.resample(mono, sample_rate, SAMPLE_RATE, quality="HQ"))  # it may ring
    return torch.from_numpy(np.ascontiguousarray(mono, dtype=np.float32))


def _within_full_scale(mono: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    peak = float(np.abs(mono).max(initial=0.0))
    return mono / peak if peak > 1.0 else mono


def _refuse_unusable(samples: npt.NDArray[np.float32], sample_rate: int, path: Path, offset: float) -> None:
    if len(samples) == 0:
        raise AudioError(f"{path}: holds no samples" + (f" from {offset} s on" if offset else ""))
    finite = np.isfinite(samples)
    if not finite.all():
        first = int(np.argmin(finite.all(axis=1)))
        raise AudioError(
            f"{path}: holds samples that are NaN or infinite, the first at {offset + first / sample_rate:.3f} s; "
            "repair the file, or export it again"
        )
