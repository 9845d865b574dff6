"""Many recordings at once: their windows in batches of like length, on all cores, in constant memory.

Windows are read ahead in the order of the recordings, a pool at a time, and sorted by length only within a pool. So a
recording of hours pads nobody, and results come in the order of the recordings.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from asr.audio import SAMPLE_RATE, tell_once
from asr.batching import batches_by_length
from asr.engine import Engine
from asr.errors import AsrError
from asr.longform.passages import Passage, PassageBuilder
from asr.longform.recording import PassageResult, RecordingBuilder, UtteranceRecognizer, transcribe_passage
from asr.longform.stretches import StretchCutter
from asr.longform.vad import silero_detector, speech_alone
from asr.longform.windows import Window, WindowPlan
from asr.threads import num_threads
from asr.tokens import Tokens
from asr.transcript import Transcript

_POOL_SECONDS = 240.0
_BATCH_SECONDS = 30.0  # with padding
_AHEAD_SECONDS = 120.0  # of the passages that are searched, or wait for it


@dataclass(frozen=True, slots=True)
class Recording:
    """`blocks` of its samples (16 kHz, mono, in [-1, 1]), of any length; reading them may raise an AsrError.

    `source` and `channel` are for the transcript. `known`: the results of its first passages, from an earlier run with
    the same recogniser; what they cover is read, but not recognised again.
    """

    blocks: Iterable[Float32[np.ndarray, "_"]]
    source: str = ""
    channel: int = 1
    known: Sequence[PassageResult] = ()

    @property
    def num_known_samples(self) -> int:
        return self.known[-1].end if self.known else 0


@dataclass(frozen=True, slots=True)
class _End:
    """After the last window of a recording: its number of samples."""

    num_samples: int


Progress: TypeAlias = Callable[[Recording, PassageResult], None]
"""Called with a recording and the result of its next passage, up to whose end all of it is done."""
_Mark: TypeAlias = Recording | AsrError | _End  # before and after what belongs to a recording; what went wrong with it
_MARKS = Recording, AsrError, _End
_LogProbs: TypeAlias = Float32[np.ndarray, "rows vocab"]


def transcribe_recordings(
    recognizer: UtteranceRecognizer, recordings: Iterable[Recording], *, progress: Progress | None = None
) -> Iterator[Transcript | AsrError]:
    """The transcript of each recording, in order, or why there is none, so that one does not stop the others; each as
    soon as the pool in which it ends is done.
    """
    with ThreadPoolExecutor(num_threads(), initializer=recognizer.engine.on_one_thread) as threads:
        try:
            windows = _heard(_windows(recordings, recognizer.engine, vad=recognizer.vad), recognizer, threads)
            passages = _searched(_passages(windows, recognizer.tokens), recognizer, threads)
            yield from _transcripts(passages, progress)
        finally:
            threads.shutdown(cancel_futures=True)


def _windows(recordings: Iterable[Recording], engine: Engine, *, vad: bool) -> Iterator[Window | _Mark]:
    plan = WindowPlan.of(engine.settings.features.hop(SAMPLE_RATE) * engine.settings.subsampling)
    for recording in recordings:
        yield recording
        cutter, num_samples = StretchCutter(plan), 0
        try:
            for block in _spoken(recording) if vad else recording.blocks:
                num_samples += len(block)
                yield from _unknown(cutter.accept(block), recording)
            yield from _unknown(cutter.finish(), recording)
        except AsrError as error:
            yield error
        yield _End(num_samples)


def _spoken(recording: Recording) -> Iterator[Float32[np.ndarray, "_"]]:
    """Its samples, with silence in place of what is not speech; says so if that is all."""
    is_spoken = False
    for block in speech_alone(recording.blocks, silero_detector()):
        is_spoken |= bool(block.any())
        yield block
    if not is_spoken:
        tell_once(f"{recording.source or 'the sound'}: nobody speaks, as far as voice activity detection can tell")


def _unknown(windows: Iterator[Window], recording: Recording) -> Iterator[Window]:
    return (window for window in windows if window.used_end > recording.num_known_samples)


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
    except AsrError as error:
        if len(futures) == 1:
            futures[0].set_exception(error)
            return
        for waveform, future in zip(waveforms, futures, strict=True):  # so that only the one that is at fault fails
            _hear(recognizer, [waveform], [future])
    except BaseException as error:  # the main thread raises it
        for future in futures:
            future.set_exception(error)


def _pools(items: Iterator[Window | _Mark]) -> Iterator[list[Window | _Mark]]:
    pool: list[Window | _Mark] = []
    num_samples = 0
    for item in items:
        pool.append(item)
        num_samples += _size(item)
        if num_samples > _POOL_SECONDS * SAMPLE_RATE:
            yield pool
            pool, num_samples = [], 0
    yield pool


def _size(item: Window | Passage | _Mark) -> int:
    """In samples; what has none counts, too, so that recordings of silence are not read ahead without end."""
    return SAMPLE_RATE // 2 if isinstance(item, _MARKS) else len(item.samples)


def _passages(items: Iterator[tuple[Window, Future[_LogProbs]] | _Mark], tokens: Tokens) -> Iterator[Passage | _Mark]:
    builder = PassageBuilder(tokens.separates_words)
    for item in items:
        if isinstance(item, _MARKS):
            if isinstance(item, Recording):
                builder = PassageBuilder(tokens.separates_words, item.num_known_samples)
            yield item
            continue
        window, future = item
        try:
            log_probs = future.result()
        except AsrError as error:
            yield error
        else:
            yield from builder.accept(window, log_probs)


def _searched(
    items: Iterator[Passage | _Mark], recognizer: UtteranceRecognizer, threads: ThreadPoolExecutor
) -> Iterator[Future[PassageResult] | _Mark]:
    """The results of passages to come, so many ahead that no thread waits for work."""
    ahead: deque[tuple[Future[PassageResult] | _Mark, int]] = deque()  # each with its size
    num_samples = 0
    for item in items:
        result = threads.submit(transcribe_passage, recognizer, item) if isinstance(item, Passage) else item
        ahead.append((result, _size(item)))
        num_samples += _size(item)
        while ahead and (num_samples > _AHEAD_SECONDS * SAMPLE_RATE or _is_done(ahead[0][0])):
            first, size = ahead.popleft()
            num_samples -= size
            yield first
    yield from (result for result, _ in ahead)


def _is_done(item: Future[PassageResult] | _Mark) -> bool:
    return isinstance(item, _MARKS) or item.done()


def _transcripts(
    items: Iterator[Future[PassageResult] | _Mark], progress: Progress | None
) -> Iterator[Transcript | AsrError]:
    error: AsrError | None = None
    for item in items:
        if isinstance(item, Recording):
            recording, builder, error = item, RecordingBuilder(), None
            for known in recording.known:
                builder.add(known)
        elif isinstance(item, _End):
            duration = item.num_samples / SAMPLE_RATE
            yield error or builder.finish(duration, source=recording.source, channel=recording.channel)
        elif isinstance(item, AsrError):
            error = error or item
        elif error is None:
            try:
                result = item.result()
            except AsrError as raised:
                error = raised
                continue
            builder.add(result)
            if progress is not None:
                progress(recording, result)
