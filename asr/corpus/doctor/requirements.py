"""What a training needs of each utterance: characters of its alphabet, and enough frames for its text."""

from operator import eq

import numpy as np
import numpy.typing as npt

from asr.audio import SAMPLE_RATE
from asr.ctc import num_frames_needed
from asr.model_settings import ModelSettings, num_output_frames
from asr.tokens import Tokens


class Requirements:
    """What a model of these settings can align, at the `fastest` speed of augmentation.

    `tokens` are those of a model. Without them they are still to be learnt: characters, or, with `characters` False,
    pieces of words not known yet, of which each word takes at least one.
    """

    def __init__(self, settings: ModelSettings, *, fastest: float, tokens: Tokens | None, characters: bool) -> None:
        self.tokens = tokens
        self.characters = characters
        self._fastest = fastest
        self._settings = settings

    def can_write(self, text: str) -> bool:
        """Whether all characters of a clean text are in the alphabet, if it is known."""
        return self.tokens is None or self.tokens.alphabet.issuperset(text)

    def frames_needed(self, text: str) -> int:
        """The fewest frames that can spell a clean text; 0 where it cannot be written in the tokens at all."""
        if self.tokens is not None:
            return num_frames_needed(self.tokens.encode(text)) if self.can_write(text) else 0
        if self.characters:  # as `num_frames_needed`, but twice as fast, which matters for a million texts
            return len(text) + int(sum(map(eq, text, text[1:])))
        return len(text.split())

    def num_frames(self, durations: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """How many rows of log-probabilities sounds of these durations, in seconds, give."""
        samples = (durations / self._fastest * SAMPLE_RATE).astype(np.int64)
        return num_output_frames(self._settings, samples, SAMPLE_RATE)
