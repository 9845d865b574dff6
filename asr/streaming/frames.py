"""The waveform of a stream -> the chunks of log-mel frames that the network takes, normalised by the mean of speech."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from asr.alignment.pauses import PauseStream
from asr.audio import SAMPLE_RATE
from asr.engine import ChunkState, Engine
from asr.model_settings import frames_for, num_complete_frames, num_subsampled_frames
from asr.silence import SoundPresence
from asr.speech_mean import LOUDEST_SECONDS
from asr.streaming.mean import ENOUGH, StretchMean
from asr.transcript import LONG_PAUSE

# In seconds:
_PATIENCE, _STEP = 1.5, 0.1  # for which chunks are held back at most, and at a time
_EDGE = 0.3  # of a long pause, that the network hears before it and after it


@dataclass(frozen=True, slots=True)
class Chunk:
    """What `Engine.encode_chunks` takes for one stream: `size` output frames of `frames`, the rest is right context.

    `is_last`: of the sound, or before a pause. `is_silent`: a part of a pause, for which the network is not asked.
    """

    frames: Float32[np.ndarray, "frames mels"]
    size: int
    is_last: bool = False
    is_silent: bool = False


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

    As offline, what lies between two long pauses is heard as an utterance by itself (`asr/longform/`): a chunk that
    comes to a pause ends there, the network and the mean start anew after it, and what is amid the pause is silent.
    While the mean rests on too little speech, chunks are held back for a while.
    """

    def __init__(self, engine: Engine, *, size: int, lookahead: int, pauses: PauseStream) -> None:
        self._engine, self._size, self._lookahead = engine, size, lookahead
        self._subsampling = engine.settings.subsampling
        self._needed = frames_for(self._subsampling, size + lookahead)
        self._second = SAMPLE_RATE / engine.settings.features.hop(SAMPLE_RATE)  # frames
        seconds = (_STEP, _EDGE, LOUDEST_SECONDS)
        self._step, self._edge, self._loudest = (max(1, round(each * self._second)) for each in seconds)
        self._log_mel = LogMelStream(engine)
        self._frames = np.zeros((0, engine.settings.features.num_mels), np.float32)  # that no chunk has used up
        self._target = 1  # frames with which the next chunk is looked for
        self._stretch: int | None = None  # the frame at which the present stretch began; None in a pause
        self._patience, self._num_speech = 0.0, 0.0  # frames by which chunks may still be held back; see `_waits`
        self._mean = StretchMean(engine.settings.features)
        self._presence, self._pauses = SoundPresence(), pauses
        self._num_silent = 0  # frames before the first sound
        self.state: ChunkState = engine.start_state()

    def push(self, samples: Float32[np.ndarray, "_"]) -> None:
        """The next samples."""
        if len(samples):
            self._log_mel.push(samples)

    def next_chunk(self) -> Chunk | None:
        """The next whole chunk, if all its frames are there."""
        while (missing := self._target - len(self._frames)) <= self._log_mel.num_ready():
            self._take(missing)
            chunk = self._next_of_pause() if self._stretch is None else self._next_of_stretch(self._stretch)
            if chunk is not None:
                return chunk
        return None

    def shorter_chunk(self) -> Chunk | None:
        """What of the next chunk has its whole look-ahead already, if anything."""
        self._take(self._log_mel.num_ready())
        size = num_complete_frames(self._subsampling, len(self._frames)) - self._lookahead
        if size <= 0 or (self._stretch is None and self._num_quiet() == len(self._frames)):
            return None
        return Chunk(self._mean.normalised(self._frames), size)

    def last_chunk(self) -> Chunk | None:
        """What is left when no more samples come, up to the next pause or all of it; None at the end."""
        self._take(self._log_mel.num_ready(at_end=True))
        if self._stretch is not None and (chunk := self._chunk_before_pause(self._stretch)) is not None:
            return chunk
        if not (size := num_subsampled_frames(self._subsampling, len(self._frames))):
            return None
        if self._stretch is None and self._num_quiet() == len(self._frames):
            return Chunk(self._frames, size, is_silent=True)
        return Chunk(self._mean.normalised(self._frames), size, is_last=True)

    def use_up(self, chunk: Chunk, state: ChunkState) -> None:
        """Go on after a whole chunk, from the state after it."""
        self._frames = self._frames[chunk.size * self._subsampling :].copy()
        self._target = len(self._frames) if self._stretch is None else self._needed
        self.state = state
        if chunk.is_last:
            self._leave_stretch()
            self._mean.end_stretch()

    @property
    def _first(self) -> int:
        """The number of the first frame that no chunk has used up."""
        return self._log_mel.num_taken - len(self._frames)

    def _take(self, num_frames: int) -> None:
        if num_frames > 0:
            frames, samples = self._log_mel.take(num_frames)
            self._mean.accept(frames)
            self._presence.accept(samples)
            if not self._presence.has_sound:
                self._num_silent = self._log_mel.num_taken
            self._pauses.accept(samples)
            self._frames = np.concatenate([self._frames, frames])

    def _next_of_pause(self) -> Chunk | None:
        """What is silent but for its edge; if that was all, and sound follows, a stretch begins. While silence lasts,
        the last of it may be a sound that is too short yet to be told from a click.
        """
        num_quiet = self._num_quiet()
        unclear = self._step if num_quiet == len(self._frames) else 0
        if size := max(0, num_quiet - self._edge - unclear) // self._subsampling:
            return Chunk(self._frames[: size * self._subsampling], size, is_silent=True)
        self._target = len(self._frames) + self._step
        if len(self._frames) - num_quiet > self._step:  # enough of a sound to see where it begins
            self._stretch = self._first
            self._target = max(self._needed, num_quiet + self._step + self._loudest)  # so that a mean is known
            self._patience, self._num_speech = _PATIENCE * self._second, 0.0
            self._mean.begin_stretch(self._frames)
        return None

    def _next_of_stretch(self, begin: int) -> Chunk | None:
        """The next chunk; None where it has to wait, or is in a pause already."""
        chunk = self._chunk_before_pause(begin)
        if chunk is not None or self._stretch is None:
            return chunk
        if self._waits():
            self._target = len(self._frames) + self._step
            return None
        return Chunk(self._mean.normalised(self._frames[: self._needed]), self._size)

    def _chunk_before_pause(self, begin: int) -> Chunk | None:
        """The last chunk of a stretch, if a pause is known. If all before the pause was given already, or the stretch
        was silent so far, it is over.
        """
        for start, end in self._pauses.pauses():
            num_left = round((start + _EDGE) * self._second) - self._first  # frames to the end of the stretch
            is_speech_before = start * self._second > begin
            if end - start < LONG_PAUSE or end * self._second <= self._first:
                continue
            if num_left > 0 and is_speech_before:
                size = min(-(-num_left // self._subsampling), len(self._frames) // self._subsampling)
                return Chunk(self._mean.normalised(self._frames[: size * self._subsampling]), size, is_last=True)
            if end * self._second - self._first >= self._edge + self._subsampling:
                self._leave_stretch()
                if is_speech_before:
                    self._mean.end_stretch()
                break
        return None

    def _leave_stretch(self) -> None:
        self._stretch, self.state = None, self._engine.start_state()
        self._target = len(self._frames)

    def _num_quiet(self) -> int:
        """How many frames from the first one on are silent."""
        for start, end in self._pauses.pauses():
            if start * self._second <= self._first < end * self._second:
                is_over = round(end * self._second) < self._log_mel.num_taken - 1
                return round(end * self._second) - self._first if is_over else len(self._frames)
        return max(0, self._num_silent - self._first)

    def _waits(self) -> bool:
        """Whether to wait for more speech, so that the mean is better. When sound comes that is much louder than what
        counted as speech, which is little of it then, patience begins anew.
        """
        before, self._num_speech = self._num_speech, self._mean.num_frames
        if self._num_speech < before:
            self._patience = _PATIENCE * self._second
        if self._num_speech >= ENOUGH * self._second or self._patience <= 0:
            return False
        self._patience -= self._step
        return True
