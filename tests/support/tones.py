"""A language of tones, for tests that train: each letter is a tone of its own, each space a silence."""

import re
from pathlib import Path

import numpy as np
import soundfile

from asr.corpus.manifest import Utterance, write_manifest

SAMPLE_RATE = 16_000
FREQUENCIES = {"A": 350, "B": 700, "C": 1400, "D": 2800}
LETTER_SECONDS = 0.1
LEAD_SECONDS = 0.05
GAP = np.zeros(round(0.04 * SAMPLE_RATE))  # after each letter, so that AA differs from A


def speak(text: str, rng: np.random.Generator) -> np.ndarray:
    """The waveform of a text of the letters A to D and spaces."""
    time = np.arange(round(LETTER_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.02)
    parts = [np.zeros(round(LEAD_SECONDS * SAMPLE_RATE))]
    for character in text:
        frequency = FREQUENCIES.get(character, 0) * rng.uniform(0.97, 1.03)
        parts += [fade * np.sin(2 * np.pi * frequency * time), GAP]
    signal = np.concatenate([*parts, np.zeros(800)])
    return (0.3 * signal + 0.003 * rng.standard_normal(len(signal))).astype(np.float32)


def word_times(text: str) -> list[tuple[float, float]]:
    """Start and end of each word that `speak` says, in seconds."""
    step = LETTER_SECONDS + len(GAP) / SAMPLE_RATE
    return [
        (LEAD_SECONDS + match.start() * step, LEAD_SECONDS + (match.end() - 1) * step + LETTER_SECONDS)
        for match in re.finditer(r"\S+", text)
    ]


def write_corpus(folder: Path, name: str, texts: list[str], *, seed: int) -> Path:
    """Sound files and the manifest `folder/name.jsonl`."""
    rng = np.random.default_rng(seed)
    (folder / name).mkdir(parents=True, exist_ok=True)
    utterances = []
    for number, text in enumerate(texts):
        path = folder / name / f"{name}{number}.wav"
        samples = speak(text, rng)
        soundfile.write(path, samples, SAMPLE_RATE)
        utterances.append(Utterance(path, len(samples) / SAMPLE_RATE, text, f"{name}{number}", "synthetic"))
    write_manifest(folder / f"{name}.jsonl", utterances)
    return folder / f"{name}.jsonl"


def random_texts(count: int, *, seed: int) -> list[str]:
    """Texts of one to three words of one to three letters."""
    rng = np.random.default_rng(seed)
    return [
        " ".join("".join(rng.choice(list("ABCD"), rng.integers(1, 4))) for _ in range(rng.integers(1, 4)))
        for _ in range(count)
    ]
