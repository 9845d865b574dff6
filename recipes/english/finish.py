"""Synthetic speech -> a recording: trimmed, with silence around it, at a random level, encoded; or refused."""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from asr.audio import SAMPLE_RATE
from recipes.english.voices.speech import Speech

# Pace of the speech between its silences. 98 % of the real training speech is between 3 and 16, silences included;
# outside this range, words are missing, or the network got stuck.
LETTERS_PER_SECOND = (4.0, 22.0)
MIN_PEAK = 1e-3

SILENCE_SECONDS = (0.05, 0.5)  # before the speech, and after it
PEAK_DB = (-20.0, -2.0)  # the loudest sample, full scale being 0
NOISE_DB = (-75.0, -45.0)  # the noise of a quiet room or a microphone, to the speech's loudest frame

_AUDIBLE_DB = -40.0  # a frame this far below the loudest one is silence
_HOP = SAMPLE_RATE // 100


@dataclass(frozen=True, slots=True)
class Refused:
    """An utterance that was refused, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sound:
    """A FLAC file of 16 kHz and 16 bits, and its duration."""

    encoded: bytes
    seconds: float


def finish(speech: Speech, *, num_letters: int, rng: np.random.Generator) -> Sound | Refused:
    """Make a recording of speech whose words have `num_letters` letters; `rng` chooses silences and levels."""
    before, after = rng.uniform(*SILENCE_SECONDS, size=2)
    peak, noise = _gain(rng.uniform(*PEAK_DB)), _gain(rng.uniform(*NOISE_DB))
    if not np.isfinite(speech.samples).all():
        return Refused("not finite")
    if speech.samples.size < SAMPLE_RATE // 10 or np.abs(speech.samples).max() < MIN_PEAK:
        return Refused("silent")
    samples = soxr.resample(speech.samples, speech.sample_rate, SAMPLE_RATE)
    samples, loudest = _audible(samples)
    pace = num_letters * SAMPLE_RATE / len(samples)
    if not LETTERS_PER_SECOND[0] <= pace <= LETTERS_PER_SECOND[1]:
        return Refused(f"{pace:.1f} letters a second")
    padded = np.pad(samples, (round(before * SAMPLE_RATE), round(after * SAMPLE_RATE)))
    noisy = padded + noise * loudest * rng.standard_normal(len(padded))
    noisy *= peak / np.abs(noisy).max()
    return Sound(_flac(noisy.astype(np.float32)), len(noisy) / SAMPLE_RATE)


def _audible(samples: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], float]:
    """The samples from the first to the last audible frame, and the root mean square of the loudest frame."""
    energy = np.square(samples[: len(samples) // _HOP * _HOP]).reshape(-1, _HOP).mean(axis=1)
    (audible,) = np.nonzero(energy > energy.max() * 10 ** (_AUDIBLE_DB / 10))
    return samples[audible[0] * _HOP : (audible[-1] + 1) * _HOP], float(np.sqrt(energy.max()))


def _flac(samples: npt.NDArray[np.float32]) -> bytes:
    """Opus would be a quarter of the size, but takes longer to encode than the fastest voice takes to speak."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _gain(decibels: float) -> float:
    return float(10 ** (decibels / 20))
