"""A healthy corpus, and how faults are planted into it (the table of which is in `planted_faults.py`)."""

import copy
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support.sick_corpus import RATE, sound

NUM_TEXTS = 1000  # lines that have a text of their own; only the first ones have a sound file
NUM_SOUNDS = 100
FIRST_ROW = 5  # those before have no fault; some are the originals of copies
WORDS = [
    "the",
    "cold",
    "wind",
    "came",
    "over",
    "hill",
    "and",
    "dale",
    "while",
    "men",
    "sat",
    "down",
    "to",
    "eat",
    "bread",
    "with",
    "salt",
    "under",
    "old",
    "trees",
]


def words(number: int, count: int | None = None) -> str:
    """A sentence of 4 to 11 words, another for each number."""
    random = np.random.default_rng(number)
    return " ".join(random.choice(WORDS, size=count or random.integers(4, 12)))


def seconds_of(text: str) -> float:
    return 0.4 + len(text) / 14


@dataclass
class Planted:
    """A corpus to be spoilt: `records` of the manifest, `samples` of those that have a sound, raw `lines` and `files`
    that take the place of what would be written; `spoilt` are the rows (from 0) that have a fault now."""

    records: list[dict[str, Any]]
    samples: dict[int, np.ndarray]
    rates: dict[int, int] = field(default_factory=dict)
    lines: dict[int, bytes] = field(default_factory=dict)
    files: dict[int, bytes | None] = field(default_factory=dict)
    spoilt: set[int] = field(default_factory=set)

    def text(self, row: int, text: str) -> None:
        self.records[row]["text"] = text
        self.spoilt.add(row)

    def sound(self, row: int, samples: np.ndarray, rate: int = RATE) -> None:
        self.samples[row], self.rates[row] = samples, rate
        self.records[row]["duration"] = len(samples) / rate
        self.spoilt.add(row)

    def write(self, folder: Path, *, only_sounds: bool) -> Path:
        (folder / "wav").mkdir(parents=True)
        for row, samples in self.samples.items():
            content = self.files.get(row, b"")
            if content == b"":
                soundfile.write(
                    file := io.BytesIO(), samples, self.rates.get(row, RATE), subtype="PCM_16", format="WAV"
                )
                content = file.getvalue()
            if content is not None:
                (folder / self.records[row]["audio_filepath"]).write_bytes(content)
        lines = [self.lines.get(row, json.dumps(record).encode()) for row, record in enumerate(self.records)]
        (folder / "m.jsonl").write_bytes(b"".join(x + b"\n" for x in lines[: NUM_SOUNDS if only_sounds else None]))
        return folder / "m.jsonl"


def healthy() -> Planted:
    records, samples = [], {}
    for row in range(NUM_TEXTS):
        text = words(row).upper()
        if row < NUM_SOUNDS:
            samples[row] = sound(row, seconds=seconds_of(text))
        duration = round(seconds_of(text) * RATE) / RATE
        name = f"u{row:04}"
        records.append(
            {"audio_filepath": f"wav/{name}.wav", "duration": duration, "text": text, "id": name, "speaker": "s"}
        )
    return Planted(records, samples)


@dataclass(frozen=True)
class Fault:
    """`kinds` of findings that tell it; `why` it is not found, where there are none; `by_text` needs no sound."""

    name: str
    plant: Callable[[Planted, int], None]
    kinds: tuple[str, ...] = ()
    why: str = ""
    by_text: bool = True
    alone: bool = False


def planted(faults: Iterable[Fault]) -> tuple[Planted, list[tuple[Fault, set[int]]]]:
    """A corpus with these faults, and the rows of each."""
    corpus, rows = copy.deepcopy(_HEALTHY), []
    for row, fault in enumerate(faults, start=FIRST_ROW):
        corpus.spoilt.clear()
        fault.plant(corpus, row)
        rows.append((fault, set(corpus.spoilt)))
    return corpus, rows


_HEALTHY = healthy()
