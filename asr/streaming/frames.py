"""The waveform of a stream -> the chunks of log-mel frames that the network takes, normalised by the mean so far."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from asr.audio import SAMPLE_RATE
from asr.engine import ChunkState, Engine
from asr.model_settings import frames_for, num_complete_frames
from asr.normalisation import LIMIT, normalised, running_mean
from asr.silence import SoundPresence


@dataclass(frozen=True, slots=True)
class Chunk:
    """What `Engine.encode_chunks` takes for one stream: `size` output frames of `frames`, the rest is right context.

    `is_silent`: nothing but silence was heard so far, so the network's opinion does not count.
    """

    frames: Float32[np.ndarray, "frames mels"]
    size: int
    is_last: bool
    is_silent: bool


class LogMelStream:
    """Log-mel frames as soon as all samples of their windows are there; those of the whole sound, but for rounding."""

    def __init__(self, engine: Engine) -> None:
        features = engine.settings.features
        self._engine, self._hop = engine, features.hop(SAMPLE_RATE)
        self._half = round(SAMPLE_RATE * features.window_ms / 1000 / 2)
        self._margin = -(-self._half // self._hop)  # frames before the next one whose samples its window may need
        self._pieces: list[npt.NDArray[np.float32]] = []  # the samples from `_start` on
        self._start, self._num_samples, self._num_seen = 0, 0, 0
        self.num_taken = 0

    def push(self, samples: Float32[np.ndarray, "_"]) -> None:
        """The next samples."""
        self._pieces.append(samples)
        self._num_samples += len(samples)

    def num_ready(self, *, at_end: bool = False) -> int:
        """How many frames can be taken; all of them, if no more samples come (`at_end`)."""
        last = self._num_samples if at_end else self._num_samples - self._half
        return max(0, last // self._hop + 1 - self.num_taken) if self._num_samples else 0

    def take(self, num_frames: int) -> tuple[Float32[np.ndarray, "frames mels"], Float32[np.ndarray, "_"]]:
        """The next frames, at most as many as are ready, and the samples that no frame before had in its window."""
        samples = np.concatenate([np.zeros(0, np.float32), *self._pieces])
        begin = max(0, self.num_taken - self._margin)
        end = (self.num_taken + num_frames - 1) * self._hop + self._half  # perhaps beyond the end of the sound
        window = samples[begin * self._hop - self._start : end - self._start]
        skipped = self.num_taken - begin
        frames = self._engine.log_mel(np.ascontiguousarray(window))[skipped : skipped + num_frames]
        new = samples[self._num_seen - self._start : max(self._num_seen, end) - self._start]
        self._num_seen += len(new)
        self.num_taken += num_frames
        start = min(self._num_seen, max(0, self.num_taken - self._margin) * self._hop)
        self._pieces, self._start = [samples[start - self._start :].copy()], start
        return frames, new


class ChunkSource:
    """Chunks of `size` output frames with a look-ahead of `lookahead`, as the samples for them come."""

    def __init__(self, engine: Engine, *, size: int, lookahead: int) -> None:
        self._settings = engine.settings
        self._size, self._lookahead = size, lookahead
        self._needed = frames_for(engine.settings.subsampling, size + lookahead)
        self._log_mel = LogMelStream(engine)
        self._frames = np.zeros((0, engine.settings.features.num_mels), np.float32)  # that no chunk has used up
        self._mean = running_mean(engine.settings.features, SAMPLE_RATE)
        self._presence = SoundPresence()
        self.state: ChunkState = engine.start_state()

    def push(self, samples: Float32[np.ndarray, "_"]) -> None:
        """The next samples."""
        if len(samples):
            self._log_mel.push(samples)

    def next_chunk(self) -> tuple[Chunk, Float32[np.ndarray, "_"]] | None:
        """The next whole chunk, if all its frames are there, and the samples that were not looked at before."""
        missing = self._needed - len(self._frames)
        if missing > self._log_mel.num_ready():
            return None
        samples = self._take(missing)
        return self._chunk(self._frames[: self._needed], self._size, is_last=False), samples

    def shorter_chunk(self) -> tuple[Chunk | None, Float32[np.ndarray, "_"]]:
        """What of the next chunk has its whole look-ahead already, if anything; and samples as `next_chunk`."""
        samples = self._take(self._log_mel.num_ready())
        size = num_complete_frames(self._settings.subsampling, len(self._frames)) - self._lookahead
        return (self._chunk(self._frames, size, is_last=False) if size > 0 else None), samples

    def last_chunk(self) -> tuple[Chunk | None, Float32[np.ndarray, "_"]]:
        """All that is left, if anything; no more samples come."""
        samples = self._take(self._log_mel.num_ready(at_end=True))
        return (self._chunk(self._frames, self._size, is_last=True) if len(self._frames) else None), samples

    def use_up(self, state: ChunkState) -> None:
        """Go on after a whole chunk, from the state after it."""
        self.state = state
        self._frames = self._frames[self._size * self._settings.subsampling :].copy()

    def _take(self, num_frames: int) -> npt.NDArray[np.float32]:
        if num_frames <= 0:
            return np.zeros(0, np.float32)
        frames, samples = self._log_mel.take(num_frames)
        self._mean.accept(frames)
        self._presence.accept(samples)
        self._frames = np.concatenate([self._frames, frames])
        return samples

    def _chunk(self, frames: npt.NDArray[np.float32], size: int, *, is_last: bool) -> Chunk:
        """Frames before any sound are what silence beside speech is: the mean of speech is not known yet."""
        if not self._presence.has_sound:
            return Chunk(np.full_like(frames, -LIMIT), size, is_last, is_silent=True)
        return Chunk(normalised(frames, self._mean.mean(), self._settings.features), size, is_last, is_silent=False)
