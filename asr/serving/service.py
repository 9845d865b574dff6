"""What the network part of a server calls: models by name, and requests that wait for their turn."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float32
from numpy import ndarray

from asr.audio import SAMPLE_RATE, read_blocks
from asr.errors import AudioError
from asr.longform.recording import PassageResult
from asr.recognizer import Recognizer
from asr.search.fusion.hotwords import DEFAULT_WEIGHT
from asr.serving.transcriber import Transcriber
from asr.transcript import Transcript

_BLOCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """`most_bytes` of an upload and `most_seconds` of its sound; `most_at_once`: requests that are worked on at the
    same time; `most_waiting`: further ones that wait; any more are turned away. `most_hotwords` of a request, each of
    at most `most_letters`."""

    most_bytes: int = 512 * 2**20
    most_seconds: float = 4 * 3600.0
    most_at_once: int = 32
    most_waiting: int = 256
    most_hotwords: int = 1000
    most_letters: int = 100


class FullError(Exception):
    """As many requests wait as may wait."""


class Wanted:
    """What a request asks for: the transcript of a sound in a file, with hot words; `on_passage` is told each part."""

    def __init__(
        self,
        sound: Path,
        hotwords: Sequence[str] = (),
        *,
        on_passage: Callable[[PassageResult], None] = lambda result: None,
    ) -> None:
        self.sound, self.hotwords, self.on_passage = sound, hotwords, on_passage
        self._gone = threading.Event()

    def forget(self) -> None:
        """Nobody waits for it any more."""
        self._gone.set()

    def is_wanted(self) -> bool:
        """Whether somebody does."""
        return not self._gone.is_set()


class Service:
    """One model, for many requests at once."""

    def __init__(self, recognizer: Recognizer, limits: Limits, *, num_threads: int) -> None:
        self.recognizer, self.limits = recognizer, limits
        self._transcriber = Transcriber(recognizer, num_threads=num_threads)
        self._requests = ThreadPoolExecutor(limits.most_at_once, thread_name_prefix="request")
        self._lock = threading.Lock()
        self._on_recording: Callable[[float, float], None] = lambda sound_seconds, seconds: None
        self.num_open = 0  # requests that are worked on, or wait

    def observe(
        self, *, on_batch: Callable[[int, float, float], None], on_recording: Callable[[float, float], None]
    ) -> None:
        """Have told: of each batch, its windows, the seconds of their sound, and those that it took; of each recording,
        its seconds, and those that it took."""
        self._transcriber.observe(on_batch)
        self._on_recording = on_recording

    def submit(self, wanted: Wanted) -> Future[Transcript]:
        """The transcript to come.

        Raises:
            FullError: too many wait already.
            SearchError: a hot word cannot be written with the model's tokens.
        """
        recognizer = self.recognizer
        if wanted.hotwords:
            recognizer = recognizer.with_hotwords(dict.fromkeys(wanted.hotwords, DEFAULT_WEIGHT))
        with self._lock:
            if not self.has_room:
                raise FullError
            self.num_open += 1
        future = self._requests.submit(self._transcribe, wanted, recognizer)
        future.add_done_callback(self._close_one)
        return future

    @property
    def num_waiting(self) -> int:
        """Requests that nobody works on yet."""
        return max(0, self.num_open - self.limits.most_at_once)

    @property
    def num_windows_waiting(self) -> int:
        """Windows of recordings that wait for a batch."""
        return self._transcriber.num_windows_waiting

    @property
    def has_room(self) -> bool:
        """Whether one more request may come."""
        return self.num_open < self.limits.most_at_once + self.limits.most_waiting

    def close(self) -> None:
        """Finish what is begun."""
        self._requests.shutdown(cancel_futures=True)
        self._transcriber.close()

    def _transcribe(self, wanted: Wanted, recognizer: Recognizer) -> Transcript:
        started, most = time.perf_counter(), self.limits.most_seconds
        found = self._transcriber.transcribe(
            _within(most, read_blocks(wanted.sound, _BLOCK_SECONDS, duration=most + 1)),  # no more is decoded
            recognizer=recognizer,
            is_wanted=wanted.is_wanted,
            on_passage=wanted.on_passage,
        )
        found = recognizer.punctuated(found)
        self._on_recording(found.duration, time.perf_counter() - started)
        return found

    def _close_one(self, _: Future[Transcript]) -> None:
        with self._lock:
            self.num_open -= 1


def _within(most_seconds: float, blocks: Iterable[Float32[ndarray, "_"]]) -> Iterator[Float32[ndarray, "_"]]:
    """The blocks of a sound that is not too long; what a file says of its length may be wrong."""
    num_samples = 0
    for block in blocks:
        num_samples += len(block)
        if num_samples > most_seconds * SAMPLE_RATE:
            raise AudioError(f"the sound is longer than {most_seconds / 60:g} minutes; send it in parts")
        yield block
