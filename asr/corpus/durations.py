"""Durations of sound files: many at once, since opening them is mostly waiting."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from asr.audio import audio_info
from asr.errors import AudioError

NUM_THREADS = 16


def read_durations(paths: Sequence[Path]) -> list[float | AudioError]:
    """The length of each sound file in seconds, or why it cannot be used."""
    with ThreadPoolExecutor(NUM_THREADS) as threads:
        return list(threads.map(_read_duration, paths))


def _read_duration(path: Path) -> float | AudioError:
    try:
        return audio_info(path).duration
    except AudioError as error:
        return error
