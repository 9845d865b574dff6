"""The sound of one client -> its transcript, computed together with that of others."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future

from jaxtyping import Float32
from numpy import ndarray

from asr.audio import SAMPLE_RATE
from asr.longform.passages import Passage, PassageBuilder
from asr.longform.recording import PassageResult, RecordingBuilder, UtteranceRecognizer, transcribe_passage
from asr.longform.stretches import StretchCutter
from asr.longform.windows import Window, WindowPlan
from asr.serving.batcher import Batcher, LogProbs, Share
from asr.transcript import Transcript

_AHEAD = 8  # windows of a client that are in the batcher at once: enough for a batch, little memory


class CancelledError(Exception):
    """The client has gone."""


class Transcriber:
    """One for a model. `num_threads`: how many cores it may use, for the network and for searches."""

    def __init__(self, recognizer: UtteranceRecognizer, *, num_threads: int) -> None:
        engine = recognizer.engine
        self._recognizer = recognizer
        self._plan = WindowPlan.of(engine.settings.features.hop(SAMPLE_RATE) * engine.settings.subsampling)
        self._batcher = Batcher(recognizer.log_probs, num_threads=num_threads, on_start=engine.on_one_thread)
        self._searches = threading.Semaphore(num_threads)

    def transcribe(
        self,
        blocks: Iterable[Float32[ndarray, "_"]],
        *,
        recognizer: UtteranceRecognizer | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
        on_passage: Callable[[PassageResult], None] = lambda result: None,
    ) -> Transcript:
        """The transcript of a sound that comes in blocks (16 kHz, mono), in the caller's thread; as long as it is. Many
        callers at once are served together. `recognizer` searches in place of the own one (hot words); `on_passage` is
        told each part as it is found.

        Raises:
            AsrError: the sound cannot be read.
            CancelledError: `is_wanted` says that nobody waits for it any more.
        """
        chosen = recognizer or self._recognizer
        builder, seconds = RecordingBuilder(), _Clock(blocks)
        for passage in self._passages(seconds, chosen, is_wanted):
            with self._searches:
                result = transcribe_passage(chosen, passage)
            builder.add(result)
            on_passage(result)
        return builder.finish(seconds.num_samples / SAMPLE_RATE)

    @property
    def num_windows_waiting(self) -> int:
        """Windows that wait for a batch."""
        return self._batcher.num_waiting

    def observe(self, on_batch: Callable[[int, float, float], None]) -> None:
        """Have told of each batch: its windows, the seconds of their sound, and those that it took."""
        self._batcher.on_batch = on_batch

    def close(self) -> None:
        """Finish what runs."""
        self._batcher.close()

    def _passages(
        self, blocks: Iterable[Float32[ndarray, "_"]], recognizer: UtteranceRecognizer, is_wanted: Callable[[], bool]
    ) -> Iterator[Passage]:
        builder = PassageBuilder(recognizer.tokens.separates_words)
        share, ahead = Share(), deque[tuple[Window, Future[LogProbs]]]()
        try:
            for window in self._windows(blocks):
                _refuse_unwanted(is_wanted)
                ahead.append((window, self._batcher.submit(window.samples, share)))
                while len(ahead) >= _AHEAD or (ahead and ahead[0][1].done()):
                    yield from _joined(builder, *ahead.popleft())
            while ahead:
                _refuse_unwanted(is_wanted)
                yield from _joined(builder, *ahead.popleft())
        finally:
            for _, future in ahead:
                future.cancel()

    def _windows(self, blocks: Iterable[Float32[ndarray, "_"]]) -> Iterator[Window]:
        cutter = StretchCutter(self._plan)
        for block in blocks:
            yield from cutter.accept(block)
        yield from cutter.finish()


class _Clock:
    """Blocks, counting their samples as they pass."""

    def __init__(self, blocks: Iterable[Float32[ndarray, "_"]]) -> None:
        self._blocks, self.num_samples = blocks, 0

    def __iter__(self) -> Iterator[Float32[ndarray, "_"]]:
        for block in self._blocks:
            self.num_samples += len(block)
            yield block


def _joined(builder: PassageBuilder, window: Window, future: Future[LogProbs]) -> Iterator[Passage]:
    return builder.accept(window, future.result())


def _refuse_unwanted(is_wanted: Callable[[], bool]) -> None:
    if not is_wanted():
        raise CancelledError
