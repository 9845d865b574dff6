"""Measurements on a sound file that show whether it is fit for recognition."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from asr.audio import read_sound, sound_to_waveform, warn_once

_CLIPPED = 0.999  # of full scale: where 16-bit recorders flatten the peaks
_FRAME = 400  # samples, 25 ms


@dataclass(frozen=True, slots=True)
class AudioStatistics:
    """Statistics of a sound file; `sample_rate` in Hz, `duration` in seconds.

    Levels are in dB below full scale (0 is the loudest, a float file can go beyond); `clipped` is the share of the
    samples at full scale, 0 to 1. Peak, clipping and offset are those of the file, before any conversion.
    `noise_level` and `speech_level` are the 10th and 90th percentile of the level of 25 ms frames.
    """

    format: str
    encoding: str
    sample_rate: int
    num_channels: int
    duration: float
    peak_level: float
    rms_level: float
    noise_level: float
    speech_level: float
    dc_offset: float
    clipped: float


def audio_statistics(path: str | Path) -> tuple[AudioStatistics, Float32[np.ndarray, "samples"]]:
    """Statistics of a sound file, and its waveform as recognition hears it.

    Raises:
        AudioError: the file cannot be used.
    """
    sound = read_sound(path)
    warn_once(sound, path)
    waveform = sound_to_waveform(sound, path)
    samples = waveform.astype(np.float64)
    frames = samples[: max(1, len(samples) // _FRAME) * _FRAME].reshape(-1, min(_FRAME, len(samples)))
    levels = [_decibel(float(np.sqrt(np.mean(frame**2)))) for frame in frames]
    noise, speech = (float(value) for value in np.percentile(levels, [10, 90]))
    statistics = AudioStatistics(
        format=sound.format,
        encoding=sound.encoding,
        sample_rate=sound.sample_rate,
        num_channels=sound.num_channels,
        duration=sound.duration,
        peak_level=_decibel(float(np.abs(sound.samples).max())),
        rms_level=_decibel(float(np.sqrt(np.mean(samples**2)))),
        noise_level=noise,
        speech_level=speech,
        dc_offset=dc_offset(sound.samples),
        clipped=clipped_share(sound.samples),
    )
    return statistics, waveform


def clipped_share(samples: Float32[np.ndarray, "samples channels"]) -> float:
    """The share of the samples at full scale, 0 to 1."""
    return float(np.mean(np.abs(samples) >= _CLIPPED))


def dc_offset(samples: Float32[np.ndarray, "samples channels"]) -> float:
    """The mean of the samples."""
    return float(samples.mean(dtype=np.float64))


def _decibel(amplitude: float) -> float:
    return 20 * float(np.log10(max(amplitude, 1e-6)))
