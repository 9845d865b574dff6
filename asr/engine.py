"""Stages 2 and 3 as the recogniser sees them: waveforms -> log-probabilities, by whatever back end."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Float32
from numpy import ndarray

from asr.model_settings import ModelSettings


@runtime_checkable
class Engine(Protocol):
    """A trained network that is ready to compute; `asr/torch_engine.py` is one."""

    settings: ModelSettings
    vocab_size: int
    seconds_per_frame: float

    def log_probs(self, waveforms: Sequence[Float[ndarray, "_"]]) -> list[Float32[ndarray, "_ vocab"]]:
        """Natural-log probabilities (frames, vocab) of each waveform (16 kHz, mono, in [-1, 1]), without padding."""
        ...

    def log_mel(self, waveform: Float[ndarray, "_"]) -> Float32[ndarray, "frames mels"]:
        """Log-mel frames of a waveform, before normalisation (`asr/normalisation.py`): one each hop, the first centred
        on the first sample; beyond the waveform there are zeros.
        """
        ...

    def encode(self, frames: Sequence[Float32[ndarray, "_ mels"]]) -> list[Float32[ndarray, "_ vocab"]]:
        """Natural-log probabilities for the normalised log-mel frames of each utterance, without padding.

        `log_probs` is `log_mel`, normalisation and `encode` in a row, up to rounding.
        """
        ...

    def num_frames(self, num_samples: int) -> int:
        """How many rows of log-probabilities `num_samples` samples give."""
        ...

    def to_bytes(self) -> bytes:
        """All weights, as the file of a model folder."""
        ...
