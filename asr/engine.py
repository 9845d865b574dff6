"""Stages 2 and 3 as the recogniser sees them: waveforms -> log-probabilities, by whatever back end."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from jaxtyping import Float, Float32
from numpy import ndarray

from asr.model_settings import ModelSettings

WEIGHTS = "model.safetensors"
"""The file of a model folder that holds the weights."""

ChunkState: TypeAlias = tuple[ndarray, ...]
"""What an engine remembers of a stream between two chunks. The arrays of all streams have equal shapes and types, so
that those of several can be stacked; an engine never changes them in place. To all others they are opaque.
"""


@runtime_checkable
class Engine(Protocol):
    """A trained network that is ready to compute; `asr/torch_engine.py` and `asr/onnx_engine.py` are two."""

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

    def start_state(self) -> ChunkState:
        """The state before the first chunk of a stream."""
        ...

    def encode_chunks(
        self,
        frames: Sequence[Float32[ndarray, "_ mels"]],
        states: Sequence[ChunkState],
        *,
        size: int,
        is_last: Sequence[bool],
    ) -> tuple[list[Float32[ndarray, "_ vocab"]], list[ChunkState]]:
        """The next chunk of each of several streams: natural-log probabilities, and the states for the chunks after it.

        `frames` are normalised log-mel frames from the first that no chunk has used up; at least one. A chunk gives
        `size` rows of log-probabilities and uses up `size * settings.subsampling` frames. Those beyond are its right
        context: give `frames_for(settings.subsampling, size + lookahead)` frames (`asr.model_settings`) for a
        look-ahead of `lookahead` rows, at least 0. Give them again with the next chunk.

        A chunk that `is_last` has all frames that are left, any number of them, and gives rows up to their end; its
        state is of no use any more. Streams in one call may differ in this and in their look-ahead, not in `size`, and
        which of them share a call changes no result (but for rounding).
        """
        ...

    def num_frames(self, num_samples: int) -> int:
        """How many rows of log-probabilities `num_samples` samples give."""
        ...

    def on_one_thread(self) -> None:
        """Called by a thread that is to compute alone from now on, since others compute at the same time."""
        ...

    def files(self) -> dict[str, bytes]:
        """What holds the network in a model folder: files by name."""
        ...
