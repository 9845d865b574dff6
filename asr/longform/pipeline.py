"""Many recordings at once: their windows in batches of like length, on all cores, in constant memory.

Windows are read ahead in the order of the recordings, a pool at a time, and sorted by length only within a pool. So a
recording of hours pads nobody, and results come in the order of the recordings.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from asr.alignment.pauses import Interval
from asr.audio import SAMPLE_RATE
from asr.batching import batches_by_length
from asr.engine import Engine
from asr.errors import AudioError
from asr.longform.passages import Passage, PassageBuilder
from asr.longform.recording import RecordingBuilder, UtteranceRecognizer, transcribe_passage
from asr.longform.stretches import StretchCutter
from asr.longform.windows import Window, WindowPlan
from asr.threads import num_threads
from asr.tokens import Tokens
from asr.transcript import Transcript, Word

_POOL_SECONDS = 240.0
_BATCH_SECONDS = 60.0  # with padding
_MOST_PASSAGES = 128  # that are searched or wait for it


@dataclass(frozen=True, slots=True)
class Recording:
    """`blocks` of its samples (16 kHz, mono, in [-1, 1]), of any length; reading them may raise an AudioError.

    `source` and `channel` are for the transcript.
    """

    blocks: Iterable[Float32[np.ndarray, "_"]]
    source: str = ""
    channel: int = 1


@dataclass(frozen=True, slots=True)
class _End:
    """After the last window of a recording: its number of samples, and what went wrong, if anything."""

    num_samples: int
    error: AudioError | None


Progress: TypeAlias = Callable[[Recording, float, tuple[Word, ...]], None]
"""Called with a recording, the second up to which all of it is done, and the words that are new."""
_Mark: TypeAlias = Recording | _End  # stand before and after what belongs to a recording
_LogProbs: TypeAlias = Float32[np.ndarray, "rows vocab"]
_Found: TypeAlias = tuple[Transcript, list[Interval]]


def transcribe_recordings(
    recognizer: UtteranceRecognizer, recordings: Iterable[Recording], *, progress: Progress | None = None
) -> Iterator[Transcript | AudioError]:
    """The transcript of each recording, in order, or why there is none; each as soon as the pool in which it ends is
    done.
    """
    with ThreadPoolExecutor(num_threads(), initializer=recognizer.engine.on_one_thread) as threads:
        try:
            windows = _heard(_windows(recordings, recognizer.engine), recognizer, threads)
            passages = _searched(_passages(windows, recognizer.tokens), recognizer, threads)
            yield from _transcripts(passages, progress)
        finally:
            threads.shutdown(cancel_futures=True)


def _windows(recordings: Iterable[Recording], engine: Engine) -> Iterator[Window | _Mark]:
    plan = WindowPlan.of(engine.settings.features.hop(SAMPLE_RATE) * engine.settings.subsampling)
    for recording in recordings:
        yield recording
        cutter, num_samples, error = StretchCutter(plan), 0, None
        try:
            for block in recording.blocks:
                num_samples += len(block)
                yield from cutter.accept(block)
            yield from cutter.finish()
        except AudioError as raised:
            error = raised
        yield _End(num_samples, error)


def _heard(
    items: Iterator[Window | _Mark], recognizer: UtteranceRecognizer, threads: ThreadPoolExecutor
) -> Iterator[tuple[Window, Future[_LogProbs]] | _Mark]:
    """Windows with their log-probabilities to come; a pool is under way while the one before is given out."""
    ready: list[tuple[Window, Future[_LogProbs]] | _Mark] = []
    for pool in _pools(items):
        windows = [item for item in pool if isinstance(item, Window)]
        futures = [Future[_LogProbs]() for _ in windows]
        for batch in batches_by_length([len(window.samples) for window in windows], _BATCH_SECONDS * SAMPLE_RATE):
            threads.submit(_hear, recognizer, [windows[i].samples for i in batch], [futures[i] for i in batch])
        pairs = zip(windows, futures, strict=True)
        yield from ready
        ready = [next(pairs) if isinstance(item, Window) else item for item in pool]
    yield from ready


def _hear(
    recognizer: UtteranceRecognizer, waveforms: list[Float32[np.ndarray, "_"]], futures: list[Future[_LogProbs]]
) -> None:
    """Fill the futures of a batch."""
    try:
        for future, log_probs in zip(futures, recognizer.log_probs(waveforms), strict=True):
            future.set_result(log_probs)
    except BaseException as error:  # the main thread raises it
        for future in futures:
            future.set_exception(error)


def _pools(items: Iterator[Window | _Mark]) -> Iterator[list[Window | _Mark]]:
    pool: list[Window | _Mark] = []
    num_samples = 0
    for item in items:
        pool.append(item)
        num_samples += len(item.samples) if isinstance(item, Window) else SAMPLE_RATE // 2  # silent ones fill it too
        if num_samples > _POOL_SECONDS * SAMPLE_RATE:
            yield pool
            pool, num_samples = [], 0
    yield pool


def _passages(items: Iterator[tuple[Window, Future[_LogProbs]] | _Mark], tokens: Tokens) -> Iterator[Passage | _Mark]:
    builder = PassageBuilder(tokens.separates_words)
    for item in items:
        if isinstance(item, Recording | _End):
            builder = PassageBuilder(tokens.separates_words)
            yield item
        else:
            window, log_probs = item
            yield from builder.accept(window, log_probs.result())


def _searched(
    items: Iterator[Passage | _Mark], recognizer: UtteranceRecognizer, threads: ThreadPoolExecutor
) -> Iterator[tuple[Passage, Future[_Found]] | _Mark]:
    """Passages with their transcripts to come, so many ahead that no thread waits for work."""
    ahead: deque[tuple[Passage, Future[_Found]] | _Mark] = deque()
    for item in items:
        if isinstance(item, Passage):
            ahead.append((item, threads.submit(transcribe_passage, recognizer, item)))
        else:
            ahead.append(item)
        while len(ahead) > _MOST_PASSAGES or (ahead and _is_done(ahead[0])):
            yield ahead.popleft()
    yield from ahead


def _is_done(item: tuple[Passage, Future[_Found]] | _Mark) -> bool:
    return isinstance(item, Recording | _End) or item[1].done()


def _transcripts(
    items: Iterator[tuple[Passage, Future[_Found]] | _Mark], progress: Progress | None
) -> Iterator[Transcript | AudioError]:
    for item in items:
        if isinstance(item, Recording):
            recording, builder = item, RecordingBuilder()
        elif isinstance(item, _End):
            duration = item.num_samples / SAMPLE_RATE
            whole = builder.finish(duration, source=recording.source, channel=recording.channel)
            yield item.error or whole
        else:
            passage, future = item
            found, pauses = future.result()
            words = builder.add(passage.start / SAMPLE_RATE, found, pauses)
            if progress is not None:
                progress(recording, passage.start / SAMPLE_RATE + found.duration, words)
