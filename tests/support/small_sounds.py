"""Sound files and utterances for the tests of importers."""

from pathlib import Path

import numpy as np
import soundfile

from asr.corpus.manifest import Utterance


def sound(path: Path, seconds: float = 0.5, rate: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(seconds * rate)), rate)
    return path


def brief(utterances: list[Utterance]) -> list[tuple[str, str, str | None, float | None, float]]:
    return [(u.id, u.text, u.speaker, u.offset, round(u.duration, 4)) for u in utterances]
