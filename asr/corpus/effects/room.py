"""Reverberation: room impulse responses (RIR), early echoes by the image-source method, then decaying noise."""

import numpy as np
from jaxtyping import Float

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.level import Samples, mean_power, within_full_scale

_SPEED_OF_SOUND = 343.0  # metres per second
_SMALLEST, _LARGEST = (3.0, 3.0, 2.4), (8.0, 6.0, 3.5)  # metres: length, width and height of rooms
_FROM_WALL = 0.5  # metres; mouth and microphone are at least this far from any wall
_EARLY = 0.03  # seconds of single echoes; later ones are so dense that they sound like noise
_MATCHED = 0.01  # seconds at the end of the early echoes, whose level the noise continues


def reverberate(waveform: Samples, rt60: float, rng: np.random.Generator) -> Samples:
    """Speech in a random room where sound falls by 60 dB in `rt60` seconds; as loud as before, if full scale allows.

    The direct sound is not delayed, so that words stay where they are.
    """
    response = room_response(rt60, rng)
    size = 1 << (len(waveform) + len(response) - 2).bit_length()  # so that no echo wraps round to the start
    echoing = np.fft.irfft(np.fft.rfft(waveform, size) * np.fft.rfft(response, size), size)[: len(waveform)]
    power = mean_power(echoing)
    return within_full_scale(echoing * np.sqrt(mean_power(waveform) / power)) if power else waveform


def room_response(rt60: float, rng: np.random.Generator) -> Float[np.ndarray, "samples"]:
    """The impulse response of a random shoebox room between two random points; starts with the direct sound, 1.0."""
    size = rng.uniform(_SMALLEST, _LARGEST)
    source, microphone = rng.uniform(_FROM_WALL, size - _FROM_WALL, (2, 3))
    early = early_echoes(size, source, microphone, rt60)
    late = np.arange(len(early), max(len(early), round(rt60 * SAMPLE_RATE))) / SAMPLE_RATE
    matched = round(_MATCHED * SAMPLE_RATE)
    level = np.sqrt(mean_power(early[-matched:])) * 10 ** (-3 * (late - _EARLY + _MATCHED / 2) / rt60)
    return np.concatenate([early, level * rng.standard_normal(len(late))])


def early_echoes(
    size: Float[np.ndarray, "3"], source: Float[np.ndarray, "3"], microphone: Float[np.ndarray, "3"], rt60: float
) -> Float[np.ndarray, "early"]:
    """Image-source method (Allen & Berkley 1979): each echo is a mirror image of the source behind the walls.

    Walls absorb as much as Eyring's formula asks for. They invert the sign, so that the response has no constant part
    (Lehmann & Johansson 2008).
    """
    distance = np.linalg.norm(source - microphone)
    reach = distance + _EARLY * _SPEED_OF_SOUND
    squares, bounces = np.zeros(1), np.zeros(1)
    for length, start, end in zip(size, source, microphone, strict=True):
        farthest = int(reach / length / 2) + 1
        cells = np.arange(-farthest, farthest + 1)
        images = np.concatenate([2 * cells * length + start, 2 * cells * length - start])
        squares = np.add.outer(squares, (images - end) ** 2).ravel()
        bounces = np.add.outer(bounces, np.abs(np.concatenate([2 * cells, 2 * cells - 1]))).ravel()
    paths = np.sqrt(squares)
    delays = np.round((paths - distance) / _SPEED_OF_SOUND * SAMPLE_RATE).astype(np.int64)
    echoes = (-_reflection(size, rt60)) ** bounces * distance / paths
    num_samples = round(_EARLY * SAMPLE_RATE)
    near = delays < num_samples
    return np.bincount(delays[near], echoes[near], num_samples)


def _reflection(size: Float[np.ndarray, "3"], rt60: float) -> float:
    """The share of the amplitude that a wall sends back, by Eyring's formula."""
    volume, surface = size.prod(), 2 * (size.prod() / size).sum()
    return float(np.exp(-12 * np.log(10) * volume / (_SPEED_OF_SOUND * surface * rt60)))
