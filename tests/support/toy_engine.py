"""A network whose hearing is known by construction: tones are letters, and each row sees a bounded context.

So what a recording says is known whatever its length, and windows can be compared with the full pass exactly.
"""

from collections.abc import Sequence

import numpy as np

from asr.ctc import BLANK_ID
from asr.engine import ChunkState
from asr.model_folder import ModelParts
from asr.model_settings import ModelSettings, num_output_frames
from asr.recognizer import Recognizer
from asr.search import SearchSettings
from asr.tokens import Tokens, TokenSettings

SAMPLE_RATE = 16_000
STEP = 640  # samples a row
LETTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SURE = 0.99
_TONE_SAMPLES, _GAP_SAMPLES = 1280, 1280  # of a letter, and of the silence after it, which holds a whole row


def frequency(letter: str) -> float:
    """The tone of a letter, in Hz."""
    return 300.0 + 200.0 * LETTERS.index(letter)


class ToyEngine:
    """A row shows the letter whose tone its 40 ms hold; blank otherwise. Beyond `reach` rows from the ends it is exact;
    nearer, as a network that lacks context, it confuses letters. It counts what it is given.
    """

    def __init__(self, tokens: Tokens, *, reach: int = 0) -> None:
        self.settings = ModelSettings()
        self.vocab_size = len(tokens)
        self.seconds_per_frame = STEP / SAMPLE_RATE
        self.batches: list[list[int]] = []
        self._ids = [0 if letter == " " else tokens.encode(letter)[-1] for letter in LETTERS]
        self._space = tokens.pieces.index("\u2581")
        self._reach = reach

    def log_probs(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.batches.append([len(waveform) for waveform in waveforms])
        return [self._rows(waveform) for waveform in waveforms]

    def _rows(self, waveform: np.ndarray) -> np.ndarray:
        num_rows = self.num_frames(len(waveform))
        padded = np.concatenate([np.zeros(STEP // 2), waveform, np.zeros(2 * STEP)])[: num_rows * STEP]
        spectrum = np.abs(np.fft.rfft(padded.reshape(num_rows, STEP), axis=1))
        bins = np.array([round(frequency(letter) * STEP / SAMPLE_RATE) for letter in LETTERS])
        best = spectrum[:, bins].argmax(axis=1)
        ids = np.where(spectrum[:, bins].max(axis=1) > 3, np.array(self._ids)[best], BLANK_ID)
        ids = np.where((ids == 0) & (spectrum[:, bins[0]] > 3), self._space, ids)
        near = np.r_[: min(self._reach, num_rows), max(0, num_rows - self._reach) : num_rows]
        ids[near] = np.where(ids[near] > 1, np.maximum(2, (ids[near] + 1) % self.vocab_size), ids[near])
        rows = np.full((num_rows, self.vocab_size), np.log((1 - _SURE) / (self.vocab_size - 1)), np.float32)
        rows[np.arange(num_rows), ids] = np.log(_SURE)
        return rows

    def log_mel(self, waveform: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def encode(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        raise NotImplementedError

    def start_state(self) -> ChunkState:
        raise NotImplementedError

    def encode_chunks(
        self, frames: Sequence[np.ndarray], states: Sequence[ChunkState], *, size: int, is_last: Sequence[bool]
    ) -> tuple[list[np.ndarray], list[ChunkState]]:
        raise NotImplementedError

    def num_frames(self, num_samples: int) -> int:
        return num_output_frames(self.settings, num_samples, SAMPLE_RATE)

    def on_one_thread(self) -> None:
        """Nothing to do."""

    def files(self) -> dict[str, bytes]:
        raise NotImplementedError


def toy_recognizer(*, reach: int = 0, search: SearchSettings | None = None) -> Recognizer:
    """It hears what `say` says."""
    tokens, _ = Tokens.train([LETTERS.strip(), "A B"], TokenSettings(kind="char"))
    return Recognizer(ModelParts(ToyEngine(tokens, reach=reach), tokens, search or SearchSettings()))


def say(text: str) -> np.ndarray:
    """A tone of 80 ms and a gap of 80 ms a letter, spaces too: nowhere a pause."""
    time = np.arange(_TONE_SAMPLES) / SAMPLE_RATE
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.005)
    parts = [0.3 * fade * np.sin(2 * np.pi * frequency(letter) * time) for letter in text]
    gap = np.zeros(_GAP_SAMPLES)
    return np.concatenate([np.concatenate([part, gap]) for part in parts]).astype(np.float32)


def silence(seconds: float, *, level: float = 1e-4, seed: int = 0) -> np.ndarray:
    """The noise of a room."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    return (level * noise).astype(np.float32)
