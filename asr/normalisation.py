"""Log-mel frames -> what the network is given, in NumPy, for a sound that comes in pieces.

`asr/features.py` has the same for a batch of whole utterances, in torch. Both subtract the mean of each band, divide
by a constant and, if the mean is that of speech, limit the result.
"""

import math
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Float32

from asr.model_settings import FeatureSettings
from asr.speech_mean import LOUDEST_SECONDS, SpeechMean

FLOOR = 2.0**-24  # of mel power: below the quantisation noise of 16 bit; keeps the logarithm of silence finite
DECIBELS = 10 / math.log(10)  # a natural logarithm of power -> decibels
SCALE = 3.0  # the usual standard deviation of log-mel power in speech, in natural-log units
LIMIT = 3.0  # of normalised frames: 39 dB above and below the mean; digital silence is no quieter than a quiet room
_LOWEST_SPEECH = 250.0  # Hz; hum and rumble are below, and must not count as speech


@runtime_checkable
class RunningMean(Protocol):
    """The mean of each band over the frames of a sound, as far as it has come."""

    def accept(self, frames: Float[np.ndarray, "frames mels"]) -> None:
        """The next log-mel frames, before normalisation."""
        ...

    def mean(self) -> npt.NDArray[np.float64]:
        """Of each band (mels,), over all frames accepted so far, of which there must be at least one."""
        ...


def running_mean(settings: FeatureSettings, sample_rate: int) -> RunningMean:
    """The mean that a model with these settings subtracts: over speech, or over all frames."""
    if settings.mean_over == "utterance":
        return _MeanOfAll(settings.num_mels)
    return SpeechMean(
        settings.num_mels,
        num_loudest=num_loudest(settings, sample_rate),
        first_speech_band=first_speech_band(settings),
    )


def normalised(
    frames: Float[np.ndarray, "frames mels"], mean: Float[np.ndarray, "mels"], settings: FeatureSettings
) -> Float32[np.ndarray, "frames mels"]:
    """The input of the network for log-mel frames, given the `mean` of each band over the sound."""
    centred = (frames - mean) / SCALE
    limited = centred if settings.mean_over == "utterance" else np.clip(centred, -LIMIT, LIMIT)
    return np.asarray(limited, np.float32)


def num_loudest(settings: FeatureSettings, sample_rate: int) -> int:
    """Of how many frames the quietest is the reference for speech: those of the loudest 0.3 s."""
    return max(1, round(sample_rate * LOUDEST_SECONDS / settings.hop(sample_rate)))


def first_speech_band(settings: FeatureSettings) -> int:
    """The lowest band centred above 250 Hz; band 0 if none is."""
    lowest, highest = (2595 * math.log10(1 + edge / 700) for edge in (settings.min_frequency, settings.max_frequency))
    step = (highest - lowest) / (settings.num_mels + 1)
    centres = [700 * (10 ** ((lowest + (band + 1) * step) / 2595) - 1) for band in range(settings.num_mels)]
    return next((band for band, centre in enumerate(centres) if centre > _LOWEST_SPEECH), 0)


class _MeanOfAll:
    """Over all frames, as models of format 1 were trained."""

    def __init__(self, num_mels: int) -> None:
        self._sum, self._count = np.zeros(num_mels), 0

    def accept(self, frames: Float[np.ndarray, "frames mels"]) -> None:
        self._sum += frames.sum(axis=0, dtype=np.float64)
        self._count += len(frames)

    def mean(self) -> npt.NDArray[np.float64]:
        return self._sum / self._count
