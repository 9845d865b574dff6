"""The mean of speech for a stream: it starts anew after a pause, once there is speech to take it from."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from asr.audio import SAMPLE_RATE
from asr.model_settings import FeatureSettings
from asr.normalisation import normalised, running_mean
from asr.speech_mean import FULL_DECIBELS, SpeechMean

Frames = npt.NDArray[np.float32]


class StretchMean:
    """The mean over the present stretch of speech. Until as much speech as a word has been heard of it, the mean of the
    stretch before: noise alone is never made as loud as speech.

    Models that take the mean over all frames have one mean for the whole sound.
    """

    def __init__(self, settings: FeatureSettings) -> None:
        self._settings = settings
        self._present = running_mean(settings, SAMPLE_RATE)
        self._before: SpeechMean | None = None

    def accept(self, frames: Float[np.ndarray, "frames mels"]) -> None:
        """The next log-mel frames, before normalisation."""
        self._present.accept(frames)

    def start_anew(self, frames: Float[np.ndarray, "frames mels"]) -> None:
        """A stretch begins; `frames` are those of it that were accepted already."""
        if isinstance(self._present, SpeechMean):
            self._before = self._used()
            self._present = running_mean(self._settings, SAMPLE_RATE)
            self._present.accept(frames)

    @property
    def has_begun(self) -> bool:
        """Whether there was speech since the stretch began."""
        return self._used() is self._present

    @property
    def num_frames(self) -> float:
        """On how many frames of speech the mean rests; without end, where it is that of all frames."""
        used = self._used()
        return np.inf if used is None else used.num_frames

    def normalised(self, frames: Frames) -> Frames:
        """The input of the network for log-mel frames."""
        return normalised(frames, (self._used() or self._present).mean(), self._settings)

    def _used(self) -> SpeechMean | None:
        """The mean of speech that is used now; None for a mean over all frames."""
        if not isinstance(self._present, SpeechMean):
            return None
        is_known = self._present.is_full and (
            self._before is None or self._present.loudness >= self._before.loudness - FULL_DECIBELS
        )
        return self._present if is_known or self._before is None else self._before
