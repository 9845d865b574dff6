"""Windows of many clients -> their log-probabilities, in batches of like length.

A client is served the sooner the less it has had, so that a short recording does not wait behind long ones. What else
is in a batch changes no text: padding is ignored, in float32.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from jaxtyping import Float32
from numpy import ndarray

from asr.audio import SAMPLE_RATE

LogProbs: TypeAlias = Float32[ndarray, "rows vocab"]
Network: TypeAlias = Callable[[Sequence[Float32[ndarray, "_"]]], Sequence[LogProbs]]

_BATCH_SECONDS = 30.0  # with padding
_PADDED = 1.25  # how many times as long as its shortest window a batch may be


@dataclass(slots=True)
class Share:
    """What a client has had so far, in samples."""

    num_samples: int = 0


@dataclass(order=True, slots=True)
class _Waiting:
    had: int  # by its client, before this window
    number: int  # of its arrival
    samples: Float32[ndarray, "_"] = field(compare=False)
    future: Future[LogProbs] = field(compare=False)


class Batcher:
    """`num_threads` threads that run the network, which takes waveforms and gives log-probabilities for each.

    `on_start` is called in each of them first, and `on_batch` is told of each batch: its windows, the seconds of their
    sound, and those that it took.
    """

    def __init__(self, network: Network, *, num_threads: int, on_start: Callable[[], None] = lambda: None) -> None:
        self._network, self._on_start = network, on_start
        self.on_batch: Callable[[int, float, float], None] = lambda num_windows, sound_seconds, seconds: None
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._num_arrived = 0
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"batch-{n}", daemon=True) for n in range(num_threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, samples: Float32[ndarray, "samples"], share: Share) -> Future[LogProbs]:
        """The log-probabilities to come for a window of the client with this `share`. A window whose future is
        cancelled in time is not computed.

        Raises:
            RuntimeError: the batcher is closed.
        """
        future: Future[LogProbs] = Future()
        with self._changed:
            if self._is_closed:
                raise RuntimeError("the batcher is closed")
            self._waiting.append(_Waiting(share.num_samples, self._num_arrived, samples, future))
            share.num_samples += len(samples)
            self._num_arrived += 1
            self._changed.notify()
        return future

    @property
    def num_waiting(self) -> int:
        """Windows that no thread has taken yet."""
        return len(self._waiting)

    def close(self) -> None:
        """Compute what waits, and end the threads."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        self._on_start()
        while batch := self._next():
            wanted = [item for item in batch if item.future.set_running_or_notify_cancel()]
            started = time.perf_counter()
            _run(self._network, wanted)
            sound_seconds = sum(len(item.samples) for item in wanted) / SAMPLE_RATE
            self.on_batch(len(wanted), sound_seconds, time.perf_counter() - started)

    def _next(self) -> list[_Waiting]:
        """The next batch; empty when there is nothing left to do, ever."""
        with self._changed:
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            batch = best_batch(self._waiting)
            taken = {id(item) for item in batch}
            self._waiting = [item for item in self._waiting if id(item) not in taken]
            return batch


def best_batch(waiting: Sequence[_Waiting]) -> list[_Waiting]:
    """Of the windows that wait, the one whose turn it is, and others of like length, in the order of their turns."""
    ordered = sorted(waiting)
    batch: list[_Waiting] = []
    shortest = longest = 0
    for item in ordered:
        length = len(item.samples)
        new_shortest, new_longest = min(shortest or length, length), max(longest, length)
        fits = new_longest * (len(batch) + 1) <= _BATCH_SECONDS * SAMPLE_RATE and new_longest <= _PADDED * new_shortest
        if not batch or fits:
            batch.append(item)
            shortest, longest = new_shortest, new_longest
    return batch


def _run(network: Network, batch: Sequence[_Waiting]) -> None:
    """Fill the futures; where a batch fails, each window is tried by itself, so that only the one at fault fails."""
    if not batch:
        return
    try:
        found = network([item.samples for item in batch])
    except Exception as error:
        if len(batch) == 1:
            batch[0].future.set_exception(error)
            return
        for item in batch:
            _run(network, [item])
    else:
        for item, log_probs in zip(batch, found, strict=True):
            item.future.set_result(log_probs)
