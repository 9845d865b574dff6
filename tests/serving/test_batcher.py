"""Which windows share a batch, whose turn it is, and what one broken window does to its neighbours."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np
import pytest

from asr.serving.batcher import Batcher, Share

RATE = 16_000


class Network:
    """Gives each waveform's sum; keeps the lengths of each batch; waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.has_begun = threading.Event()

    def __call__(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.has_begun.set()
        assert self.go.wait(10)
        self.batches.append([len(waveform) // RATE for waveform in waveforms])
        if any(np.isnan(waveform).any() for waveform in waveforms):
            raise ValueError("not finite")
        return [np.array([[waveform.sum()]], np.float32) for waveform in waveforms]


def seconds(number: float, value: float = 1.0) -> np.ndarray:
    return np.full(round(number * RATE), value, np.float32)


@pytest.fixture
def network() -> Network:
    return Network()


def busy(network: Network) -> Batcher:
    """A batcher whose only thread has something to do, so that what comes now has to wait."""
    batcher = Batcher(network, num_threads=1)
    batcher.submit(seconds(1), Share())
    assert network.has_begun.wait(10)
    return batcher


def finished(network: Network, batcher: Batcher) -> list[list[int]]:
    """The lengths in the batches, after the first."""
    network.go.set()
    batcher.close()
    return network.batches[1:]


def test_like_lengths_share_a_batch_within_its_limit(network: Network) -> None:
    batcher = busy(network)
    for length in (4, 15, 5, 4, 15, 16, 4):
        batcher.submit(seconds(length), Share())
    assert batcher.num_waiting == 7
    assert finished(network, batcher) == [[4, 5, 4, 4], [15, 15], [16]]


def test_the_client_that_had_least_is_next(network: Network) -> None:
    batcher = busy(network)
    talk, question = Share(), Share()
    for _ in range(6):
        batcher.submit(seconds(15), talk)
    batcher.submit(seconds(3), question)
    batches = finished(network, batcher)
    assert batches.index([3]) == 1


def test_a_broken_window_fails_alone(network: Network) -> None:
    batcher = busy(network)
    futures = [batcher.submit(seconds(4, value), Share()) for value in (1.0, np.nan, 2.0)]
    finished(network, batcher)
    assert [float(futures[n].result()[0, 0]) for n in (0, 2)] == [4 * RATE, 8 * RATE]
    with pytest.raises(ValueError, match="not finite"):
        futures[1].result()


def test_what_nobody_waits_for_is_not_computed(network: Network) -> None:
    batcher = busy(network)
    futures: list[Future[np.ndarray]] = [batcher.submit(seconds(4), Share()) for _ in range(3)]
    assert futures[1].cancel()
    assert finished(network, batcher) == [[4, 4]]


def test_closed_it_has_computed_all_and_takes_no_more(network: Network) -> None:
    batcher = busy(network)
    future = batcher.submit(seconds(2), Share())
    finished(network, batcher)
    assert future.done()
    with pytest.raises(RuntimeError, match="closed"):
        batcher.submit(seconds(2), Share())


def test_each_thread_is_made_ready_before_it_computes(network: Network) -> None:
    """Else each batch would be spread over all cores, on which the other threads compute."""
    ready: list[str] = []
    network.go.set()
    batcher = Batcher(network, num_threads=3, on_start=lambda: ready.append(threading.current_thread().name))
    batcher.submit(seconds(1), Share()).result(10)
    batcher.close()
    assert sorted(ready) == ["batch-0", "batch-1", "batch-2"]
