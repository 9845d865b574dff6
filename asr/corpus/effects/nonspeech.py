"""Sounds in which nobody speaks and that are no quiet room: hum, melodies and beeps, noise, all of equal power.

Level alone does not tell them from speech: a model has to hear that they are no words.
"""

import numpy as np
from jaxtyping import Float

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.level import mean_power
from asr.corpus.effects.noise import coloured_noise

_OCTAVE_DROP = (0.0, 9.0)  # decibels
_MAINS = (40.0, 140.0)  # Hz; hum of the mains, of fans and motors
_HUM_HARMONICS = 20
_HISS = (-50.0, -15.0)  # decibels of the noise in a hum, beside the hum
_LOWEST_NOTE, _OCTAVES = 80.0, 4.5  # Hz; the range of notes
_NOTE_SECONDS = (0.08, 0.8)
_DECAY = (0.0, 12.0)  # per second, by which notes die away: 0 is an organ or a beep
_HARMONICS, _CHORD, _REST_SHARE = 8, 3, 0.15  # at most, of a note; notes at once, at most; notes that are silent


def nonspeech(num_samples: int, rng: np.random.Generator) -> Float[np.ndarray, "samples"]:
    """Hum, a melody or noise, each in a third of the calls. Its mean square is 1."""
    make = (_hum, _melody, _noise)[rng.integers(3)]
    samples = make(num_samples, rng)
    scaled: Float[np.ndarray, "samples"] = samples / np.sqrt(max(mean_power(samples), 1e-12))
    return scaled


def _noise(num_samples: int, rng: np.random.Generator) -> Float[np.ndarray, "samples"]:
    return coloured_noise(num_samples, rng.uniform(*_OCTAVE_DROP), rng)


def _hum(num_samples: int, rng: np.random.Generator) -> Float[np.ndarray, "samples"]:
    """Harmonics of random strength, and some noise."""
    base, time = rng.uniform(*_MAINS), np.arange(num_samples) / SAMPLE_RATE
    strengths = rng.random(_HUM_HARMONICS) / np.arange(1, _HUM_HARMONICS + 1) ** rng.uniform(0, 2)
    samples = _partials(2 * np.pi * base * time, strengths, rng)
    hiss = _noise(num_samples, rng)
    samples += 10 ** (rng.uniform(*_HISS) / 20) * np.sqrt(mean_power(samples) / mean_power(hiss)) * hiss
    return samples


def _melody(num_samples: int, rng: np.random.Generator) -> Float[np.ndarray, "samples"]:
    """Notes, chords and rests of one instrument, one after the other."""
    strengths = rng.random(rng.integers(1, _HARMONICS, endpoint=True)) + 0.01
    decay, most, usual = rng.uniform(*_DECAY), rng.integers(1, _CHORD, endpoint=True), rng.uniform(*_NOTE_SECONDS)
    samples = np.zeros(num_samples)
    start = 0
    while start < num_samples:
        end = min(num_samples, start + round(usual * rng.choice([0.5, 1.0, 1.0, 2.0]) * SAMPLE_RATE))
        time = np.arange(end - start) / SAMPLE_RATE
        if start == 0 or rng.random() >= _REST_SHARE:
            edges = np.minimum(1, np.minimum(time, time[::-1]) / 0.005)  # without clicks
            for _ in range(rng.integers(1, most, endpoint=True)):
                semitone = round(rng.uniform(0, 12 * _OCTAVES))
                phase = 2 * np.pi * _LOWEST_NOTE * 2 ** (semitone / 12) * time
                samples[start:end] += edges * np.exp(-decay * time) * _partials(phase, strengths, rng)
        start = end
    return samples


def _partials(
    phase: Float[np.ndarray, "samples"], strengths: Float[np.ndarray, "partials"], rng: np.random.Generator
) -> Float[np.ndarray, "samples"]:
    """A tone of this phase and its harmonics below half the sample rate."""
    step = (phase[-1] - phase[0]) / max(1, len(phase) - 1)
    rotation, turned, total = np.exp(1j * phase), np.ones(len(phase), complex), np.zeros(len(phase))
    for strength in strengths[: int(np.pi / max(step, 1e-3))]:
        turned *= rotation
        total += (strength * np.exp(2j * np.pi * rng.random()) * turned).imag
    return total
