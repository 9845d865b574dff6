"""A stream: sound in, piece by piece; words out, while they are spoken."""

import math
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from asr.alignment.confidence import Calibration
from asr.alignment.pauses import PauseStream
from asr.audio import SAMPLE_RATE
from asr.ctc import BLANK_ID
from asr.engine import ChunkState, Engine
from asr.errors import AudioError
from asr.search.decode import SearchStream
from asr.search.hypothesis import Hypothesis
from asr.streaming.frames import Chunk, ChunkSource
from asr.streaming.samples import Samples, SampleStream
from asr.streaming.settings import StreamSettings
from asr.streaming.words import FinalWords
from asr.tokens import Tokens
from asr.transcript import Transcript, Word

_MEMORY = 20.0  # seconds of sound by whose level pauses are told from speech
_STEP = 0.1  # seconds of log-probabilities, after which words may become final
_SURELY_NOTHING = math.log(0.99)  # the least log-probability of the blank where the network is sure of it


@dataclass(frozen=True, slots=True)
class Partial:
    """What was understood so far. The words in `final` never change; the text in `tentative`, after them, may.

    `endpoints`: where nothing was said for a while after a word, in seconds; each is where the next word was waited
    for in vain, and all words before it are final.
    """

    final: tuple[Word, ...]
    tentative: str
    endpoints: tuple[float, ...]

    @property
    def text(self) -> str:
        return " ".join(filter(None, [*(word.text for word in self.final), self.tentative]))


class Stream:
    """Recognition of sound that comes piece by piece; made by `Recognizer.stream`.

    A word is final once the network is `limit` seconds beyond its last token, or at an end-point; of the other texts of
    the beam, those that begin otherwise are dropped then. As offline, the network hears what is between two pauses as
    an utterance by itself; search and language model go on with all that they know, into a new word. How the sound is
    cut into pieces does not change the result, and neither does asking for it. Memory grows with the words, not with
    the sound.

    Each stream may be used by one thread or several; streams of one recogniser do not know of each other.
    """

    def __init__(
        self,
        engine: Engine,
        tokens: Tokens,
        search: SearchStream,
        calibration: Calibration,
        settings: StreamSettings,
    ) -> None:
        self._engine, self._tokens = engine, tokens
        seconds = engine.seconds_per_frame
        self._size = max(1, round(settings.chunk / seconds))
        self._step, self._limit, self._pause = (
            max(1, round(each / seconds)) for each in (_STEP, settings.limit, settings.pause)
        )
        self._samples = SampleStream()
        pauses = PauseStream(sample_rate=SAMPLE_RATE, memory=_MEMORY)
        lookahead = round(settings.lookahead / seconds)
        self._chunks = ChunkSource(engine, size=self._size, lookahead=lookahead, pauses=pauses)
        self._search = search
        self._words = FinalWords(tokens, calibration, pauses, seconds_per_frame=seconds)
        self._boundary = tokens.word_start
        self._endpoints: tuple[float, ...] = ()
        self._num_words_at_endpoint = 0
        self._num_frames, self._num_samples = 0, 0
        self._tentative: str | None = ""  # None: sound has come since it was found
        self._result: Transcript | None = None
        self._lock = threading.RLock()

    def accept(self, samples: Samples | object, rate: int) -> None:
        """The next piece of the sound, of any length: bytes of 16-bit samples (little-endian, one channel), or an array
        (samples,) or (samples, channels), of which the mean is taken, at `rate` Hz. Full scale is that of the type: 1
        for floats. A half sample at the end of bytes waits for its other half.

        Raises:
            AudioError: the stream is finished, its rate was another one, or the samples cannot be used; what came
                before is not lost.
        """
        with self._lock:
            self.push(samples, rate)
            advance([self])

    def push(self, samples: Samples | object, rate: int) -> None:
        """`accept` without any computing: `advance` does that, for many streams at once."""
        with self._lock:
            if self._result is not None:
                raise AudioError("the stream is finished; open another one")
            self._take_in(self._samples.convert(samples, rate))

    def partial(self) -> Partial:
        """What was understood of all sound so far, but for the look-ahead.

        Where a chunk is not full yet, this runs the network on what there is of it, and keeps nothing of that.
        """
        with self._lock:
            advance([self])
            if self._tentative is None:
                self._tentative = self._tokens.decode(self._heard_so_far().tokens)
            return Partial(self._words.words, self._tentative, self._endpoints)

    def finish(self) -> Transcript:
        """The whole transcript, now that no more sound comes. Calling it again gives the same."""
        with self._lock:
            if self._result is None:
                self._take_in(self._samples.finish())
                advance([self])
                self._result = self._finished()
            return self._result

    def _take_in(self, waveform: Float32[np.ndarray, "_"]) -> None:
        self._num_samples += len(waveform)
        self._chunks.push(waveform)
        if len(waveform):
            self._tentative = None

    def _finished(self) -> Transcript:
        while (chunk := self._chunks.last_chunk()) is not None:
            self._use(chunk, self._silence(chunk.size) if chunk.is_silent else self._encode(chunk), self._chunks.state)
        [best] = self._search.finish()
        self._words.add(best, self._num_frames)
        self._tentative = ""
        return Transcript(self._words.segments(), self._num_samples / SAMPLE_RATE, best.score)

    def _heard_so_far(self) -> Hypothesis:
        """The best text that is not final, with what the network makes of an unfinished chunk."""
        chunk = self._chunks.shorter_chunk()
        if chunk is None:
            return self._search.partial()
        ahead = self._search.copy()
        ahead.accept(self._encode(chunk))
        return ahead.partial()

    def _encode(self, chunk: Chunk) -> Float32[np.ndarray, "_ vocab"]:
        (log_probs,), _ = self._engine.encode_chunks(
            [chunk.frames], [self._chunks.state], size=chunk.size, is_last=[chunk.is_last]
        )
        return log_probs

    def _silence(self, num_frames: int) -> Float32[np.ndarray, "_ vocab"]:
        """What the search is given for a pause."""
        silence = np.full((num_frames, self._engine.vocab_size), -np.inf, np.float32)
        silence[:, BLANK_ID] = 0.0
        return silence

    def _go_on(self, log_probs: Float32[np.ndarray, "_ vocab"]) -> None:
        """Search further; in small steps, so that a pause within a chunk is an end-point too."""
        for first in range(0, len(log_probs), self._step):
            rows = log_probs[first : first + self._step]
            self._search.accept(rows)
            self._words.accept(rows)
            self._num_frames += len(rows)
            self._settle()
            if rows[:, BLANK_ID].min() > _SURELY_NOTHING and not self._search.partial().tokens:
                self._search.drop_others()

    def _settle(self) -> None:
        """Make words final: those beyond the limit, or, at an end-point, all. Only a new word may follow them."""
        best = self._search.partial()
        if best.tokens and best.frames[-1] < self._num_frames - min(self._pause, self._limit) and self._end_word():
            best = self._search.partial()
        if num_tokens := self._num_final(best):
            end_frame = (*best.frames, self._num_frames)[num_tokens]
            may_follow = self._tokens.separates_words if num_tokens < len(best.tokens) else None
            self._words.add(self._search.commit(num_tokens, may_follow), end_frame)
        if len(self._words.words) > self._num_words_at_endpoint and not self._search.partial().tokens:
            self._endpoints += (self._num_frames * self._engine.seconds_per_frame,)
            self._num_words_at_endpoint = len(self._words.words)
        oldest = min(self._search.partial().frames[:1], default=self._num_frames)
        self._words.forget_before(min(oldest, self._num_frames - self._limit))

    def _num_final(self, best: Hypothesis) -> int:
        """How many tokens of the best text are final now."""
        spans = self._tokens.word_spans(best.tokens)
        is_whole = not spans or spans[-1][1] < len(best.tokens) or self._boundary is None  # the last word has ended
        last_shown = best.frames[spans[-1][1] - 1] if spans else min(best.frames, default=self._num_frames)
        if is_whole and last_shown < self._num_frames - (self._pause if spans else self._limit):
            return len(best.tokens)
        return max((end for _, end in spans if best.frames[end - 1] < self._num_frames - self._limit), default=0)

    def _end_word(self) -> bool:
        """If there is an open text, a word ends here: whether the search could make it so."""
        if self._boundary is None or not self._search.partial().tokens:
            return False
        return self._search.end_word(self._boundary)

    def _use(self, chunk: Chunk, log_probs: Float32[np.ndarray, "_ vocab"], state: ChunkState) -> None:
        """Go on over a whole chunk. The network writes no boundary at a beginning, so none after a pause either."""
        self._chunks.use_up(chunk, state)
        self._go_on(log_probs)
        if chunk.is_last or chunk.is_silent:
            self._end_word()


def advance(streams: Iterable[Stream]) -> None:
    """Run the network for all whole chunks that these streams have, one of each stream in a call. Streams whose
    recogniser or length of chunk differ run in calls of their own.
    """
    several = sorted(set(streams), key=id)  # locked in one order, so that two threads cannot wait for each other
    with ExitStack() as locked:
        for stream in several:
            locked.enter_context(stream._lock)
        while several:
            calls: dict[tuple[int, int], list[tuple[Stream, Chunk]]] = {}
            advanced = []
            for stream in several:
                if (chunk := stream._chunks.next_chunk()) is None:
                    continue
                advanced.append(stream)
                if chunk.is_silent:
                    stream._use(chunk, stream._silence(chunk.size), stream._chunks.state)
                else:
                    calls.setdefault((id(stream._engine), stream._size), []).append((stream, chunk))
            for ready in calls.values():
                _run(ready)
            several = advanced


def _run(ready: Sequence[tuple[Stream, Chunk]]) -> None:
    """One call of the network for a whole chunk of each of several streams."""
    first = ready[0][0]
    all_log_probs, states = first._engine.encode_chunks(
        [chunk.frames for _, chunk in ready],
        [stream._chunks.state for stream, _ in ready],
        size=first._size,
        is_last=[chunk.is_last for _, chunk in ready],
    )
    for (stream, chunk), log_probs, state in zip(ready, all_log_probs, states, strict=True):
        stream._use(chunk, log_probs, state)
