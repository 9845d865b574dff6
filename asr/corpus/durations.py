"""How long sound files are, from their headers: many files at once, for opening them is waiting."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import soundfile

from asr.audio import read_sound
from asr.errors import AudioError

NUM_THREADS = 16


def read_durations(paths: Sequence[Path]) -> list[float | AudioError]:
    """The length of each sound file in seconds, or why it can not be used."""
    with ThreadPoolExecutor(NUM_THREADS) as threads:
        return list(threads.map(_read_duration, paths))


def _read_duration(path: Path) -> float | AudioError:
    try:
        if not path.is_file():
            return AudioError(f"{path}: no such file")
        duration = float(soundfile.info(path).duration)
    except OSError as error:  # the name is too long, or a folder above is closed to us
        return AudioError(f"{path}: can not be read ({error.strerror})")
    except soundfile.LibsndfileError:
        try:  # another decoder may know it; if not, it says what is wrong
            duration = read_sound(path).duration
        except AudioError as error:
            return error
    return duration if duration > 0 else AudioError(f"{path}: holds no samples")
