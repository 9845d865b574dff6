"""The mean of speech for a stream: it starts anew after a pause, once there is speech to take it from."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from asr.audio import SAMPLE_RATE
from asr.model_settings import FeatureSettings
from asr.normalisation import normalised, running_mean
from asr.speech_mean import FULL_DECIBELS, NO_DECIBELS, SpeechMean

ENOUGH = 1.0  # seconds of speech: their mean is as good as that of an utterance

Frames = npt.NDArray[np.float32]


class StretchMean:
    """The mean over the present stretch of speech. Until speech has been heard of it, the mean of the stretch before:
    for 0.3 s what is about as loud as speech was, or for a second what is not much quieter. So somebody who speaks from
    further away is heard, but noise is not made as loud as speech.

    Models that take the mean over all frames have one mean for the whole sound.
    """

    def __init__(self, settings: FeatureSettings) -> None:
        self._settings, self._enough = settings, ENOUGH * SAMPLE_RATE / settings.hop(SAMPLE_RATE)
        self._present = running_mean(settings, SAMPLE_RATE)
        self._before: SpeechMean | None = None

    def accept(self, frames: Float[np.ndarray, "frames mels"]) -> None:
        """The next log-mel frames, before normalisation."""
        self._present.accept(frames)

    def end_stretch(self) -> None:
        """A pause begins."""
        if isinstance(self._present, SpeechMean):
            self._before = self._used()
            self._present = running_mean(self._settings, SAMPLE_RATE)

    def begin_stretch(self, frames: Float[np.ndarray, "frames mels"]) -> None:
        """A stretch begins with `frames`, which were accepted already; those of the pause do not count."""
        if isinstance(self._present, SpeechMean):
            self._present = running_mean(self._settings, SAMPLE_RATE)
            self._present.accept(frames)

    @property
    def num_frames(self) -> float:
        """On how many frames of speech of the present stretch the mean rests: 0 while it is that of the stretch before,
        without end where it is that of all frames.
        """
        if not isinstance(self._present, SpeechMean):
            return np.inf
        return self._present.num_frames if self._used() is self._present else 0.0

    def normalised(self, frames: Frames) -> Frames:
        """The input of the network for log-mel frames."""
        return normalised(frames, (self._used() or self._present).mean(), self._settings)

    def _used(self) -> SpeechMean | None:
        """The mean of speech that is used now; None for a mean over all frames."""
        if not isinstance(self._present, SpeechMean):
            return None
        if self._before is None:
            return self._present
        below = NO_DECIBELS if self._present.num_frames >= self._enough else FULL_DECIBELS
        is_speech = self._present.is_full and self._present.loudness >= self._before.loudness - below
        return self._present if is_speech else self._before
