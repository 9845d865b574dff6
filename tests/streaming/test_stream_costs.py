"""What streams cost: memory and time that do not grow with the sound, and nothing once they are dropped."""

import resource
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr.recognizer import Recognizer
from tests.support.tone_engine import ToneEngine, said, tone_recognizer

RATE = 16_000


@pytest.fixture(scope="module", params=["beam", "greedy"])
def tones(request: pytest.FixtureRequest) -> Recognizer:
    return tone_recognizer(str(request.param))


def test_a_stream_that_is_dropped_leaves_nothing(tones: Recognizer) -> None:
    stream = tones.stream()
    stream.accept(said("AB"), RATE)
    stream.partial()
    gone = weakref.ref(stream)
    del stream
    assert gone() is None  # at once, without the garbage collector


def test_ten_thousand_streams_opened_and_dropped_leave_memory_as_it_was() -> None:
    recognizer, piece = tone_recognizer(), said("A")[:400]
    sizes = []
    for _ in range(5):
        for number in range(2000):
            stream = recognizer.stream()
            if number % 200 == 0:
                stream.accept(piece, RATE)
        sizes.append(resident_bytes())
    assert sizes[-1] < sizes[0] + 2_000_000  # 250 bytes for each of 8000 streams


def test_partial_costs_late_what_it_cost_early() -> None:
    parts: list[str | float] = ["ABBA CAD DAB A", 1.0]
    stream, sentences = tone_recognizer("greedy").stream(), said(*parts * 7)
    costs = []
    for _ in range(5):
        times = []
        for start in range(0, len(sentences), 16_000):
            stream.accept(sentences[start : start + 16_000], RATE)
            began = time.process_time()
            stream.partial()
            times.append(time.process_time() - began)
        costs.append(float(np.median(times)))
    assert len(stream.partial().final) > 100
    assert costs[-1] < 2 * costs[0]


def test_hum_and_noise_for_long_leave_memory_flat(tones: Recognizer) -> None:
    """Nothing that a stream keeps grows, without words or an end-point, and with words that are final."""
    stream = tones.stream()
    tone = 0.05 * np.sin(2 * np.pi * 100 * np.arange(60 * RATE) / RATE)
    minute = (tone + said(60.0)).astype(np.float32)
    sizes = []
    for _ in range(8):
        stream.accept(minute, RATE)
        sizes.append(kept_bytes(stream))
    assert sizes[-1] <= 1.1 * sizes[1]


def resident_bytes() -> int:
    """Of this process."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def kept_bytes(thing: Any, seen: set[int] | None = None) -> int:
    """Of all arrays and lists that an object of a stream holds, without recogniser, engine and tables."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, ToneEngine):
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return thing.nbytes
    if isinstance(thing, list | tuple):
        return 8 * len(thing) + sum(kept_bytes(each, seen) for each in thing)
    if type(thing).__module__.startswith("asr.") and hasattr(thing, "__dict__"):
        return sum(kept_bytes(each, seen) for each in vars(thing).values())
    return 0
