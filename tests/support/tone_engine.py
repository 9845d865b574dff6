"""A recogniser for the language of tones without any weights: it hears which tone sounds, frame by frame.

So a text is right or wrong for reasons that a test can name, and whole and stream differ only by what the stream does.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from asr.engine import ChunkState
from asr.features import LogMel
from asr.model_folder import ModelParts
from asr.model_settings import ModelSettings, num_output_frames
from asr.recognizer import Recognizer
from asr.search import SearchSettings
from asr.tokens import Tokens, TokenSettings
from tests.support.tones import FREQUENCIES, SAMPLE_RATE, speak

Array = npt.NDArray[np.float32]
SPACE_FRAMES = 6  # of 20 ms: longer than the gap after a letter
_LOUD = 1.0  # of a normalised frame


class ToneEngine:
    """Hears a letter where a band is loud, and a space where a letter follows a longer silence."""

    def __init__(self, tokens: Tokens) -> None:
        self.settings = ModelSettings(subsampling=2)
        self.vocab_size, self.seconds_per_frame = len(tokens), 0.02
        self.calls: list[int] = []  # streams in each call of `encode_chunks`
        self._log_mel = LogMel(self.settings.features, SAMPLE_RATE)
        self._space = tokens.pieces.index("\u2581")
        loudest = {}
        for letter in FREQUENCIES:
            frames = self.log_mel(speak(letter, np.random.default_rng(0)))
            loudest[letter] = int(frames[10].argmax())
        self._bands = np.array(list(loudest.values()))
        self._letters = [tokens.encode(letter)[-1] for letter in loudest]

    def log_probs(self, waveforms: Sequence[Array]) -> list[Array]:
        rows = [torch.from_numpy(waveform)[None] for waveform in waveforms]
        found = [self._log_mel(row, torch.tensor([row.shape[1]]))[0][0].numpy() for row in rows]
        return self.encode(found)

    def log_mel(self, waveform: Array) -> Array:
        frames: Array = self._log_mel.log_mel(torch.from_numpy(waveform)[None])[0].numpy()
        return frames

    def encode(self, frames: Sequence[Array]) -> list[Array]:
        return [self._hear(each[::2], self.start_state())[0] for each in frames]

    def start_state(self) -> ChunkState:
        return (np.array([SPACE_FRAMES]),)

    def encode_chunks(
        self, frames: Sequence[Array], states: Sequence[ChunkState], *, size: int, is_last: Sequence[bool]
    ) -> tuple[list[Array], list[ChunkState]]:
        self.calls.append(len(frames))
        outputs = []
        after = []
        for own, state, last in zip(frames, states, is_last, strict=True):
            output, new = self._hear(own[::2] if last else own[: 2 * size : 2], state)
            outputs.append(output)
            after.append(new)
        return outputs, after

    def _hear(self, frames: Array, state: ChunkState) -> tuple[Array, ChunkState]:
        tokens, quiet = [], int(state[0][0])
        for frame in frames:
            if frame.max() < _LOUD:
                quiet, token = quiet + 1, 0
            elif quiet >= SPACE_FRAMES:
                quiet, token = 0, self._space
            else:
                quiet, token = 0, self._letters[int(np.abs(self._bands - int(frame.argmax())).argmin())]
            tokens.append(token)
        probs = np.full((len(frames), self.vocab_size), 0.001, np.float32)
        probs[np.arange(len(frames)), tokens] = 1 - 0.001 * (self.vocab_size - 1)
        return np.log(probs), (np.array([quiet]),)

    def on_one_thread(self) -> None:
        """Nothing to do."""

    def files(self) -> dict[str, bytes]:
        raise NotImplementedError

    def num_frames(self, num_samples: int) -> int:
        return num_output_frames(self.settings, num_samples, SAMPLE_RATE)


def tone_recognizer(method: str = "beam") -> Recognizer:
    tokens = Tokens.train(["ABCD DCBA"], TokenSettings(kind="char"))[0]
    search = SearchSettings.parse({"method": method, "beam_width": 8}, source="")
    return Recognizer(ModelParts(ToneEngine(tokens), tokens, search))


def said(*parts: str | float, seed: int = 0, noise: float = 0.003) -> Array:
    """Texts, and pauses of so many seconds, one after the other, over room noise."""
    rng = np.random.default_rng(seed)
    sounds = [
        speak(part, rng)
        if isinstance(part, str)
        else (noise * rng.standard_normal(round(part * SAMPLE_RATE))).astype(np.float32)
        for part in parts
    ]
    return np.concatenate(sounds).astype(np.float32)
