"""Stage 1: sound file -> waveform.

Whatever the file's format, rate, width and number of channels, what comes out is 16 kHz mono float32 in [-1, 1].
Its first bytes say what a file is (`asr/containers/`); soundfile (libsndfile) decodes wav, flac, ogg, opus, mp3 and
SPHERE; ffmpeg, where it is installed, decodes the others (`asr/decoders/`); soxr resamples (`asr/conversion.py`).
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from asr.channels import OPPOSED, ChannelComparison, Channels, loudest_of_opposed, mean
from asr.conversion import Mono, Peaks, StreamConverter, converted, peak_of
from asr.decoders.opening import SoundSource, opened, path_of
from asr.decoders.part import Part, usable_blocks
from asr.decoders.stream import Block
from asr.errors import AudioError, AudioWarning

SAMPLE_RATE = 16_000
_MOST_SAMPLES = 2**40  # a year at 35 kHz


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """The header of a sound file: `sample_rate` in Hz, `num_samples` of each channel, `doubt` as in `Sound`."""

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
    """The contents of a sound file, unconverted: `samples` (num_samples, num_channels), full scale 1.0, `sample_rate`
    in Hz.

    `doubt`: why the contents may be incomplete or wrong; empty if nothing is odd. `loudest`: the channel (a column of
    `samples`) to use alone, where the channels together would cancel each other.
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
        return _mono(self.samples, self.loudest)


def load_audio(
    source: SoundSource, *, offset: float = 0.0, duration: float | None = None, channel: Channels = None
) -> Float32[np.ndarray, "samples"]:
    """The waveform of a sound file, or of `duration` seconds of it from `offset` on: 16 kHz, mono, in [-1, 1].

    Channels are averaged, all or those that `channel` names; if they would cancel each other, the loudest is taken. A
    float file that exceeds 1.0 is divided by its peak, so nothing is clipped. Anything odd about a file gives an
    AudioWarning, once.

    Raises:
        AudioError: the file is missing, empty, not audio, truncated, has no samples, or has samples that are
            NaN or infinite; or it has no such channel; or it needs ffmpeg, which is not installed.
    """
    sound = read_sound(source, offset=offset, duration=duration, channel=channel)
    warn_once(sound, source)
    return sound_to_waveform(sound, source)


def sound_to_waveform(sound: Sound, source: SoundSource) -> Float32[np.ndarray, "samples"]:
    """The contents of a file -> 16 kHz mono in [-1, 1].

    Raises:
        AudioError: it is shorter than one sample at 16 kHz.
    """
    waveform = converted(sound.mono(), sound.sample_rate, SAMPLE_RATE)
    if len(waveform) == 0:
        raise AudioError(f"{source}: too short: {len(sound.samples)} samples at {sound.sample_rate} Hz")
    return waveform


def to_waveform(samples: npt.NDArray[np.float32], sample_rate: int) -> Float32[np.ndarray, "samples"]:
    """Finite samples of shape (num_samples, num_channels) at any rate -> 16 kHz mono in [-1, 1], as `load_audio`."""
    loudest = loudest_of_opposed([samples])
    if loudest is not None:
        tell_once(f"the samples: {OPPOSED}")
        samples = samples[:, [loudest]]
    return converted(mean(samples), sample_rate, SAMPLE_RATE)


def read_blocks(
    source: SoundSource,
    seconds: float,
    *,
    offset: float = 0.0,
    duration: float | None = None,
    channel: Channels = None,
) -> Iterator[Float32[np.ndarray, "_"]]:
    """The waveform of `load_audio`, sample for sample, in blocks of `seconds`, of which the last may be shorter.

    Memory is that of a block and of what is decoded at once (2 MiB), however long the file is. So the file is read
    twice, or three times if it exceeds full scale or its channels cancel each other.

    Raises:
        AudioError: as `load_audio`; before the first block, unless the file changes while it is read.
    """
    part = Part(offset, duration, channel)
    levels = _levels(source, part)
    size = max(1, round(min(seconds * SAMPLE_RATE, _MOST_SAMPLES)))
    waiting: list[Float32[np.ndarray, "_"]] = []
    num_waiting = 0
    for piece in _converted(source, part, levels):
        waiting.append(piece)
        num_waiting += len(piece)
        if num_waiting >= size:
            joined = np.concatenate(waiting)
            whole = num_waiting // size * size
            yield from joined[:whole].reshape(-1, size)
            waiting, num_waiting = [joined[whole:]], num_waiting - whole
    if num_waiting:
        yield np.concatenate(waiting)


@dataclass(frozen=True, slots=True)
class _Levels:
    """Facts that are known only at the end of a sound: the channel to use alone, and the peaks to divide by."""

    loudest: int | None = None
    peaks: Peaks = field(default_factory=Peaks)


def _levels(source: SoundSource, part: Part) -> _Levels:
    """Found by reading the part to its end, again as long as the assumed levels prove wrong."""
    found = _Levels()
    for _ in range(3):  # the channel, its peak, and the peak after resampling
        assumed = found
        found = _measure(source, part, assumed)
        if found.loudest == assumed.loudest and max(1.0, found.peaks.before) == assumed.peaks.before:
            break
    return found


def _measure(source: SoundSource, part: Part, assumed: _Levels) -> _Levels:
    """The levels of a part; the peak after resampling is right only if the other levels were `assumed` correctly."""
    before, num_samples, opposed = 0.0, 0, ChannelComparison()
    with opened(source) as (stream, doubt):
        converter = StreamConverter(stream.sample_rate, SAMPLE_RATE, Peaks(before=assumed.peaks.before))
        for block in usable_blocks(stream, part, path_of(source)):
            opposed.add(block)
            mono = _mono(block, assumed.loudest)
            before = max(before, peak_of(mono))
            num_samples += len(converter.convert(mono))
        num_samples += len(converter.finish())
    loudest = opposed.loudest()
    _tell_doubt(source, _with_opposed(doubt, loudest))
    if not num_samples:
        raise AudioError(f"{source}: too short: it ends before the first sample at {SAMPLE_RATE} Hz")
    return _Levels(loudest, Peaks(max(1.0, before), converter.peak))


def _converted(source: SoundSource, part: Part, levels: _Levels) -> Iterator[Float32[np.ndarray, "_"]]:
    with opened(source) as (stream, _):
        converter = StreamConverter(stream.sample_rate, SAMPLE_RATE, levels.peaks)
        for block in usable_blocks(stream, part, path_of(source)):
            yield converter.convert(_mono(block, levels.loudest))
        yield converter.finish()


def _mono(samples: Block, loudest: int | None) -> Mono:
    """The mean of the channels (num_samples,), in float64 if there are several, or the one that is heard alone."""
    return mean(samples) if loudest is None else samples[:, loudest]


def _with_opposed(doubt: str, loudest: int | None) -> str:
    return doubt if loudest is None else "; ".join(filter(None, [doubt, OPPOSED]))


_warned: set[str] = set()


def warn_once(sound: Sound, source: SoundSource) -> None:
    """Give an AudioWarning on anything odd about a file, once in this process."""
    _tell_doubt(source, sound.doubt)


def _tell_doubt(source: SoundSource, doubt: str) -> None:
    if doubt:
        tell_once(f"{source}: {doubt}")


def tell_once(text: str) -> None:
    """Give an AudioWarning, unless this process has given it before."""
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
    path, part = path_of(source), Part(offset, duration, channel)
    with opened(source) as (stream, doubt):
        try:
            blocks = list(usable_blocks(stream, part, path))
            samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)  # most are one block: no copy
        except MemoryError:
            raise AudioError(f"{path}: does not fit into memory; give a part of it, or split it") from None
    loudest = loudest_of_opposed(blocks)
    doubt = _with_opposed(doubt, loudest)
    return Sound(samples, stream.sample_rate, stream.format, stream.encoding, doubt, loudest)


def audio_info(source: SoundSource) -> AudioInfo:
    """The facts on a sound file: from its headers, or, if these lack the length, by reading it to its end.

    Raises:
        AudioError: as `load_audio`, but samples are not checked for NaN.
    """
    with opened(source) as (stream, doubt):
        num_samples = stream.num_samples
        if num_samples is None:
            num_samples = sum(len(block) for block in stream.read(0, None))
    if num_samples == 0:
        raise AudioError(f"{source}: holds no samples")
    return AudioInfo(stream.format, stream.encoding, stream.sample_rate, stream.num_channels, num_samples, doubt)


def told_duration(source: SoundSource) -> float | None:
    """The seconds of a sound file, as its headers tell them; None if they do not, or if it cannot be read."""
    try:
        with opened(source) as (stream, _):
            return None if stream.num_samples is None else stream.num_samples / stream.sample_rate
    except AudioError:
        return None


def distinct_channels(source: SoundSource) -> list[int]:
    """For each channel of a sound file the first one that holds the same sound, at whatever level and phase; mostly
    itself. Channels count from 0. A file of several channels is read to its end.

    Raises:
        AudioError: as `load_audio`.
    """
    comparison = ChannelComparison()
    with opened(source) as (stream, _):
        if stream.num_channels > 1:
            for block in usable_blocks(stream, Part(0.0, None, None), path_of(source)):
                comparison.add(block)
        return comparison.first_of_same(stream.num_channels)
