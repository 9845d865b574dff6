"""Pauses in which nobody speaks: before, between and after the words."""

from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Float32, Float64

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.level import FRAME, Samples, frame_powers, mean_power, speech_mask
from asr.corpus.effects.noise import coloured_noise
from asr.corpus.effects.nonspeech import nonspeech

PauseSeconds: TypeAlias = tuple[float, float, float]  # before, between and after the words
NO_PAUSES: PauseSeconds = (0.0, 0.0, 0.0)

_PLACE_SHARE = 0.5  # of the three places, in an utterance that has pauses
_SHORTEST = FRAME / SAMPLE_RATE
_DIGITAL_SHARE = 0.3  # of the pauses: zeros, as editors and telephones leave them
_OCTAVE_DROP = (0.0, 9.0)  # decibels
_LEVEL = (20.0, 60.0)  # decibels below the speech
_NONSPEECH_LEVEL = (5.0, 50.0)
_CLICK_SHARE = 0.25  # of the pauses
_CLICK_SECONDS = (0.002, 0.03)
_CLICK_LEVEL = (-30.0, 0.0)  # decibels below full scale
_QUIET_FRAMES = 5  # of 20 ms: longer than the closure of a stop within a word


def draw_pauses(
    num_utterances: int, share: float, max_seconds: float, rng: np.random.Generator
) -> Float64[np.ndarray, "utterances 3"]:
    """The `PauseSeconds` of each utterance, most of them zeros.

    The `share` of the utterances have, at each of the three places with a probability of a half, a pause of up to
    `max_seconds`, short ones more often. They are drawn before anything is loaded, since batches are planned by them.
    """
    chosen = (rng.random((num_utterances, 1)) < share) & (rng.random((num_utterances, 3)) < _PLACE_SHARE)
    seconds = np.maximum(_SHORTEST, max_seconds * rng.random((num_utterances, 3)) ** 2)
    return np.where(chosen, seconds, 0.0)


def add_pauses(
    waveform: Samples, pauses: PauseSeconds, rng: np.random.Generator, *, nonspeech_share: float = 0.0
) -> Float32[np.ndarray, "longer"]:
    """The waveform with these pauses; the middle one is put where a word is least likely to be cut.

    That is the quietest 0.1 s between a quarter and three quarters of the sound. A pause is digital silence, or noise
    20 to 60 dB below the speech; a quarter of them have a click, as of a switch or a knock. `nonspeech_share` of the
    pauses are sounds of `nonspeech` instead, 5 to 50 dB below the speech.
    """
    level = float(np.sqrt(mean_power(waveform[speech_mask(waveform)])))
    before, between, after = (_pause(level, round(seconds * SAMPLE_RATE), nonspeech_share, rng) for seconds in pauses)
    where = quietest_sample(waveform)
    return np.concatenate([before, waveform[:where], between, waveform[where:], after])


def quietest_sample(waveform: Samples) -> int:
    """The middle of the quietest 0.1 s between a quarter and three quarters of the sound."""
    powers = np.convolve(frame_powers(waveform), np.ones(_QUIET_FRAMES), mode="same")
    first, last = len(powers) // 4, max(len(powers) // 4 + 1, 3 * len(powers) // 4)
    return min(len(waveform), FRAME * (first + int(powers[first:last].argmin())) + FRAME // 2)


def _pause(level: float, num_samples: int, nonspeech_share: float, rng: np.random.Generator) -> Samples:
    """`level`: root mean square of the speech beside it."""
    samples = np.zeros(num_samples)
    if not num_samples:
        return samples.astype(np.float32)
    # Without a share nothing is drawn for it, so that a training without one stays what it was.
    if nonspeech_share and rng.random() < nonspeech_share:
        samples += level * 10 ** (-rng.uniform(*_NONSPEECH_LEVEL) / 20) * nonspeech(num_samples, rng)
        return samples.clip(-1, 1).astype(np.float32)
    if rng.random() >= _DIGITAL_SHARE:
        noise = coloured_noise(num_samples, rng.uniform(*_OCTAVE_DROP), rng)
        samples += noise * level * 10 ** (-rng.uniform(*_LEVEL) / 20) / np.sqrt(mean_power(noise))
    if rng.random() < _CLICK_SHARE:
        _add_click(samples, rng)
    return samples.clip(-1, 1).astype(np.float32)


def _add_click(samples: Float[np.ndarray, "samples"], rng: np.random.Generator) -> None:
    """A burst of noise that dies away, anywhere in the pause."""
    num_samples = min(len(samples), round(rng.uniform(*_CLICK_SECONDS) * SAMPLE_RATE))
    start = int(rng.integers(len(samples) - num_samples, endpoint=True))
    burst = rng.choice([-1.0, 1.0], num_samples) * np.exp(-3 * np.arange(num_samples) / num_samples)
    samples[start : start + num_samples] += 10 ** (rng.uniform(*_CLICK_LEVEL) / 20) * burst
