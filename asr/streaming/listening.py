"""A source of sound that runs by the clock -> text that is shown as it comes: what `asr listen` does."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import numpy.typing as npt

from asr.audio import SAMPLE_RATE, read_blocks
from asr.streaming.delays import WordDelays
from asr.streaming.stream import Partial, Stream
from asr.transcript import Transcript

_BLOCK_SECONDS = 0.1


def listen(
    stream: Stream, blocks: Iterable[npt.NDArray[np.float32]], rate: int, show: Callable[[Partial], None]
) -> tuple[Transcript, WordDelays]:
    """Recognise blocks of samples until they end or Ctrl-C is pressed, and show each change; then the transcript.

    The delays are those by the clock, if the blocks come as they are spoken.

    Raises:
        AudioError: the samples cannot be used.
    """
    delays, shown, began = WordDelays(), Partial((), "", ()), time.monotonic()
    with _until_interrupted() as is_interrupted:
        for block in blocks:
            if is_interrupted():
                break
            stream.accept(block, rate)
            partial = stream.partial()
            delays.observe(partial, time.monotonic() - began)
            if partial != shown:
                show(partial)
                shown = partial
    return stream.finish(), delays


def play(file: Path) -> Iterator[npt.NDArray[np.float32]]:
    """The waveform of a sound file at 16 kHz, in blocks of 0.1 s, each when a microphone would have it.

    Raises:
        AudioError: as `asr.audio.read_blocks`.
    """
    blocks = read_blocks(file, _BLOCK_SECONDS)
    first = next(blocks)  # before the clock runs: a file is examined before its first block
    began, num_samples = time.monotonic(), 0
    for block in (each for part in ([first], blocks) for each in part):
        num_samples += len(block)
        time.sleep(max(0.0, began + num_samples / SAMPLE_RATE - time.monotonic()))
        yield block


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Inside, the first Ctrl-C is only noted, so that it cannot cut a step in two; a second one acts as usual."""
    pressed: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, usual)

    usual = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, usual)
