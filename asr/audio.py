"""Stage 1: sound file -> waveform.

Whatever the file's format, rate, width and number of channels, what comes out is 16 kHz mono float32 in [-1, 1].
What a file is, its first bytes tell (`asr/containers/`); soundfile (libsndfile) decodes wav, flac, ogg, opus, mp3 and
SPHERE, ffmpeg, where it is installed, the others (`asr/decoders/`); soxr resamples (`asr/conversion.py`).
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from asr.channels import OPPOSED, Channels, columns, loudest_of_opposed, mean
from asr.conversion import resampled
from asr.decoders.opening import SoundSource, opened, path_of
from asr.decoders.stream import Block, Stream
from asr.errors import AudioError, AudioWarning

SAMPLE_RATE = 16_000
SILENT_PEAK = 1e-4  # of full scale, -80 dB: three steps of a 16-bit file; what stays below is silence
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


def load_audio(
    source: SoundSource, *, offset: float = 0.0, duration: float | None = None, channel: Channels = None
) -> Float32[np.ndarray, "samples"]:
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


def sound_to_waveform(sound: Sound, source: SoundSource) -> Float32[np.ndarray, "samples"]:
    """What a file holds -> 16 kHz mono in [-1, 1].

    Raises:
        AudioError: it is shorter than one sample at 16 kHz.
    """
    waveform = resampled(sound.mono(), sound.sample_rate, SAMPLE_RATE)
    if len(waveform) == 0:
        raise AudioError(f"{source}: too short: {len(sound.samples)} samples at {sound.sample_rate} Hz")
    return waveform


def to_waveform(samples: npt.NDArray[np.float32], sample_rate: int) -> Float32[np.ndarray, "samples"]:
    """Finite samples of shape (num_samples, num_channels) at any rate -> 16 kHz mono in [-1, 1], as `load_audio`."""
    loudest = loudest_of_opposed(samples)
    if loudest is not None:
        tell_once(f"the samples: {OPPOSED}")
        samples = samples[:, [loudest]]
    return resampled(mean(samples), sample_rate, SAMPLE_RATE)


_warned: set[str] = set()


def warn_once(sound: Sound, source: SoundSource) -> None:
    """Tell what is odd about a file by an AudioWarning, once in this process."""
    if sound.doubt:
        tell_once(f"{source}: {sound.doubt}")


def tell_once(text: str) -> None:
    """An AudioWarning, unless this process has given it before; loaders have none of their own that would be kept."""
    if text not in _warned:
        _warned.add(text)
        warnings.warn(text, AudioWarning, stacklevel=2)


def read_sound(
    source: SoundSource, *, offset: float = 0.0, duration: float | None = None, channel: Channels = None
) -> Sound:
    """A sound file, or `duration` seconds of it from `offset` on, or channels of it, before any conversion.

    Raises:
        AudioError: as `load_audio`.
    """
    path = path_of(source)
    with opened(source) as (stream, doubt):
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


def audio_info(source: SoundSource) -> AudioInfo:
    """What a sound file is and how long: by its headers, or where these do not tell, by reading it to its end.

    Raises:
        AudioError: as `load_audio`, but whether samples are finite is not looked at.
    """
    with opened(source) as (stream, doubt):
        num_samples = stream.num_samples
        if num_samples is None:
            num_samples = sum(len(block) for block in stream.read(0, None))
    if num_samples == 0:
        raise AudioError(f"{source}: holds no samples")
    return AudioInfo(stream.format, stream.encoding, stream.sample_rate, stream.num_channels, num_samples, doubt)


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
