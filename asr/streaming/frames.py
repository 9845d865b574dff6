"""The waveform of a stream -> the chunks of log-mel frames that the network takes, normalised by the mean of speech."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from asr.alignment.pauses import PauseStream
from asr.audio import SAMPLE_RATE
from asr.engine import ChunkState, Engine
from asr.model_settings import frames_for, num_complete_frames
from asr.normalisation import LIMIT
from asr.silence import SoundPresence
from asr.streaming.mean import StretchMean
from asr.transcript import LONG_PAUSE

# In seconds:
_ENOUGH = 1.0  # of speech: the mean is as good as that of an utterance
_PATIENCE, _WAIT = 1.5, 0.1  # for which chunks are held back at most, and at a time
_PAUSE_KEPT = 0.3  # of a long pause, at the end of what is before it


@dataclass(frozen=True, slots=True)
class Chunk:
    """What `Engine.encode_chunks` takes for one stream: `size` output frames of `frames`, the rest is right context.

    `is_last`: of the sound, or before a pause.

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
    """Chunks of `size` output frames with a look-ahead of `lookahead`, as the samples for them come.

    As offline, what lies between two pauses is heard as an utterance by itself (`asr/longform/`): a chunk that comes to
    a pause ends there, and the network and the mean start anew after it. While the mean rests on too little speech,
    chunks are held back for a while.
    """

    def __init__(self, engine: Engine, *, size: int, lookahead: int, pauses: PauseStream) -> None:
        self._engine, self._size, self._lookahead = engine, size, lookahead
        self._subsampling = engine.settings.subsampling
        self._needed = frames_for(self._subsampling, size + lookahead)
        self._second = SAMPLE_RATE / engine.settings.features.hop(SAMPLE_RATE)  # frames
        self._log_mel = LogMelStream(engine)
        self._frames = np.zeros((0, engine.settings.features.num_mels), np.float32)  # that no chunk has used up
        self._target = self._needed  # frames with which the next chunk is looked for
        self._patience = _PATIENCE * self._second  # frames by which chunks may still be held back
        self._num_speech = 0.0
        self._stretch_start = 0  # the frame
        self._mean = StretchMean(engine.settings.features)
        self._presence, self._pauses = SoundPresence(), pauses
        self.state: ChunkState = engine.start_state()

    def push(self, samples: Float32[np.ndarray, "_"]) -> None:
        """The next samples."""
        if len(samples):
            self._log_mel.push(samples)

    def next_chunk(self) -> Chunk | None:
        """The next whole chunk, if all its frames are there."""
        while (missing := self._target - len(self._frames)) <= self._log_mel.num_ready():
            self._take(missing)
            if size := self._size_before_pause():
                return self._chunk(self._frames[: size * self._subsampling], size, is_last=True)
            if not self._waits():
                return self._chunk(self._frames[: self._needed], self._size, is_last=False)
            self._target = len(self._frames) + round(_WAIT * self._second)
        return None

    def shorter_chunk(self) -> Chunk | None:
        """What of the next chunk has its whole look-ahead already, if anything."""
        self._take(self._log_mel.num_ready())
        size = num_complete_frames(self._subsampling, len(self._frames)) - self._lookahead
        return self._chunk(self._frames, size, is_last=False) if size > 0 else None

    def last_chunk(self) -> Chunk | None:
        """All that is left, if anything; no more samples come."""
        self._take(self._log_mel.num_ready(at_end=True))
        return self._chunk(self._frames, self._size, is_last=True) if len(self._frames) else None

    def use_up(self, chunk: Chunk, state: ChunkState) -> None:
        """Go on after a whole chunk, from the state after it."""
        self._frames = self._frames[chunk.size * self._subsampling :].copy()
        self._target, self.state = self._needed, state
        if chunk.is_last:
            self.state = self._engine.start_state()
            self._stretch_start = self._log_mel.num_taken - len(self._frames)
            self._mean.start_anew(self._frames)

    def _take(self, num_frames: int) -> None:
        if num_frames > 0:
            frames, samples = self._log_mel.take(num_frames)
            self._mean.accept(frames)
            self._presence.accept(samples)
            self._pauses.accept(samples)
            self._frames = np.concatenate([self._frames, frames])

    def _waits(self) -> bool:
        """Whether to wait for more speech, so that the mean is better. When sound comes that is much louder than what
        counted as speech, which is little of it then, patience begins anew.
        """
        before, self._num_speech = self._num_speech, self._mean.num_frames
        if self._num_speech < before:
            self._patience = _PATIENCE * self._second
        if self._num_speech >= _ENOUGH * self._second or self._patience <= 0 or not self._presence.has_sound:
            return False
        self._patience -= _WAIT * self._second
        return True

    def _size_before_pause(self) -> int:
        """How many output frames there are up to the first pause after speech; 0 if none is known yet."""
        if not self._mean.has_begun:
            return 0
        first = self._log_mel.num_taken - len(self._frames)
        for start, end in self._pauses.pauses():
            edge = start + _PAUSE_KEPT
            if start * self._second > self._stretch_start and end - start >= LONG_PAUSE and edge * self._second > first:
                return min(round(edge * self._second) - first, len(self._frames)) // self._subsampling
        return 0

    def _chunk(self, frames: npt.NDArray[np.float32], size: int, *, is_last: bool) -> Chunk:
        """Frames before any sound are what silence beside speech is: the mean of speech is not known yet."""
        if not self._presence.has_sound:
            return Chunk(np.full_like(frames, -LIMIT), size, is_last, is_silent=True)
        return Chunk(self._mean.normalised(frames), size, is_last, is_silent=False)
