"""Other sounds beside the speech: noise of any colour, and babble, other people speaking."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.level import Samples, Voice, mean_power, speech_mask, within_full_scale

_LOWEST = 50.0  # Hz; noise is not louder below

# The long-term average spectrum of speech (Byrne et al. 1994, both sexes): decibels of third octaves around these Hz.
_SPEECH_BANDS = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
_SPEECH_LEVELS = (38.6, 57.7, 60.3, 62.1, 53.7, 48.7, 45.6, 43.7)


def add_noise(waveform: Samples, noise: Float[np.ndarray, "samples"], snr: float) -> Samples:
    """Speech and noise, the speech `snr` decibels above the noise where somebody speaks (`speech_mask`).

    Scaled down where the sum goes beyond full scale. Without speech, or where the noise is silent, nothing is added.
    """
    speaking = speech_mask(waveform)
    speech_power, noise_power = mean_power(waveform[speaking]), mean_power(noise[speaking])
    if not noise_power:
        return waveform
    return within_full_scale(waveform + np.sqrt(speech_power / noise_power / 10 ** (snr / 10)) * noise)


def coloured_noise(num_samples: int, octave_drop: float, rng: np.random.Generator) -> Float[np.ndarray, "samples"]:
    """Noise that falls by `octave_drop` decibels from each octave to the next: 0 is white, 3 pink, 6 brown."""
    return tilt(rng.standard_normal(num_samples), octave_drop / (20 * np.log10(2)))


def tilt(white: Float[np.ndarray, "samples"], exponent: float) -> Float[np.ndarray, "samples"]:
    """White noise -> noise whose amplitude falls with the frequency to the power of `exponent`."""
    spectrum = np.fft.rfft(white)
    frequency = np.maximum(np.arange(len(spectrum)) / len(white) * SAMPLE_RATE, _LOWEST)
    return np.fft.irfft(spectrum * (frequency / _LOWEST) ** -exponent, len(white))


def speech_shaped_noise(num_samples: int, rng: np.random.Generator) -> Float[np.ndarray, "samples"]:
    """Noise with the long-term average spectrum of speech, like a crowd in which no voice stands out."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequency = np.maximum(np.fft.rfftfreq(num_samples, 1 / SAMPLE_RATE), _LOWEST)
    levels = np.interp(np.log(frequency), np.log(_SPEECH_BANDS), _SPEECH_LEVELS)
    # The higher a third octave, the wider it is.
    return np.fft.irfft(spectrum * 10 ** (levels / 20) / np.sqrt(frequency), num_samples)


def babble(voices: Sequence[Voice], num_samples: int, rng: np.random.Generator) -> Float[np.ndarray, "samples"]:
    """Several people speaking at once, equally loud, each from a random place in their sound, repeated as needed.

    If no voice has any sound, speech-shaped noise.
    """
    loud = [voice for voice in voices if voice.any()]
    if not loud:
        return speech_shaped_noise(num_samples, rng)
    starts = rng.integers([len(voice) for voice in loud])
    crowd = np.zeros(num_samples)
    for voice, start in zip(loud, starts, strict=True):
        level = np.sqrt(mean_power(voice[speech_mask(voice)]))
        crowd += np.resize(np.roll(voice, -start), num_samples) / level
    return crowd
