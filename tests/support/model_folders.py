"""Model folders in tests: compared, changed by hand, refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr.errors import ModelError
from asr.recognizer import Recognizer
from tests.support.talkative import sound


def fingerprint(recognizer: Recognizer) -> np.ndarray:
    return recognizer.log_probs([sound(8000)])[0]


def same(recognizer: Recognizer, other: Recognizer) -> bool:
    return np.array_equal(fingerprint(recognizer), fingerprint(other))


def refused(folder: Path, *parts: str) -> None:
    """Loading is refused, by a message of one line that holds `parts`."""
    with pytest.raises(ModelError) as caught:
        Recognizer.load(folder)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(folder), *parts):
        assert part in message


def edit_config(folder: Path, **changes: Any) -> None:
    """Change keys of config.json, `model__hidden_size` for one of a section; None takes a key away."""
    values = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        *sections, last = key.split("__")
        place = values
        for section in sections:
            place = place[section]
        place.pop(last, None)
        if value is not None:
            place[last] = value
    (folder / "config.json").write_text(json.dumps(values))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
