"""What tests of effects measure on a sound."""

import numpy as np

RATE = 16_000
BURST = slice(RATE, 2 * RATE)  # the second of the fixture `burst` in which there is sound


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def power(samples: np.ndarray) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2))


def decibels(ratio: float) -> float:
    return 10 * np.log10(ratio)


def band_power(samples: np.ndarray, low: float, high: float) -> float:
    """Mean power of the lines of the spectrum between two frequencies, in decibels."""
    lines = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(len(samples)))) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE)
    return decibels(lines[(frequency >= low) & (frequency < high)].mean())


def lag(late: np.ndarray, early: np.ndarray) -> int:
    """Samples by which `late` comes after `early`, where they are most alike."""
    size = 2 * len(early)
    likeness = np.fft.irfft(np.fft.rfft(late, size) * np.conj(np.fft.rfft(early, size)))
    best = int(likeness.argmax())
    return best if best < len(early) else best - size
