"""Small corpora for the tests of the doctor, to which faults can be added."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from asr.corpus.doctor.examine import examine
from asr.corpus.doctor.findings import Finding
from asr.corpus.doctor.report import Report
from asr.corpus.doctor.requirements import Requirements
from asr.model_settings import ModelSettings

RATE = 16_000
CLEAN = 60
EXPECTED = Requirements(ModelSettings(), fastest=1.1, tokens=None, characters=True)


def sound(seed: int, *, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """Noise with syllables of 0.25 s, each of its own loudness, between pauses: to arithmetic it is like speech."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    loudness = random.uniform(0.03, 0.12, size=len(time) * 4 // rate + 2)[(time / 0.25).astype(int)]
    return loudness * (0.02 + np.sin(np.pi * time / 0.25) ** 2) * random.standard_normal(len(time)).clip(-4, 4)


def text_of(number: int) -> str:
    """Eight letters and two spaces, different for each number; no two neighbours are equal."""
    digits = [(number // 5**place) % 5 for place in range(8)]
    letters = "".join("ABCDEFGHIJ"[2 * digit + place % 2] for place, digit in enumerate(digits))
    return f"{letters[:3]} {letters[3:6]} {letters[6:]}"


class Corpus:
    """A folder with sound files and a manifest, to which tests add lines with and without faults."""

    def __init__(self, folder: Path, name: str, *, first: int, count: int) -> None:
        self.path = folder / f"{name}.jsonl"
        self.name = name
        self.lines: list[str] = []  # bytes that are no UTF-8 as surrogates
        (folder / "wav").mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            self.add(f"{name}{number}", number)

    def add(
        self,
        id: str,
        number: int,
        samples: np.ndarray | None = None,
        *,
        rate: int = RATE,
        crlf: bool = False,
        **record: object,
    ) -> None:
        file = self.path.parent / "wav" / f"{id}.wav"
        samples = sound(number) if samples is None else samples
        soundfile.write(file, samples, rate, subtype="FLOAT")
        line = {
            "audio_filepath": f"wav/{id}.wav",
            "duration": len(samples) / rate,
            "text": text_of(number),
            "id": id,
            "speaker": self.name,
            "lang": "x",
            **record,
        }
        self.lines.append(json.dumps(line, ensure_ascii=False) + ("\r" if crlf else ""))

    def write(self) -> Path:
        self.path.write_bytes("".join(f"{line}\n" for line in self.lines).encode(errors="surrogateescape"))
        return self.path


def ask(manifest: Path, expected: Requirements = EXPECTED, **options: Any) -> tuple[list[Finding], Report]:
    findings: list[Finding] = []
    report = examine(manifest, expected, progress=lambda *_: None, on_finding=findings.append, **options)
    return findings, report
