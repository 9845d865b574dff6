"""What silence and noise beside speech do to the error rate of a model.

    python benchmarks/silence.py MODEL MANIFEST [--limit N] [--seconds 0.25 1 5] [--kinds zeros room white hum tune]

Each utterance of the manifest is heard as it is, then with so many seconds of each kind put before it, after it, and
between the two of its words (by the model's own alignment) that are nearest to its middle; then with a click of 10 ms
at full scale, 0.1 s before it. Levels are those below the speech of the utterance (active speech level, ITU-T P.56).
The last lines are each kind alone, 5 s of it: how many of 20 such sounds give any text. WER in per cent.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.level import mean_power, speech_mask
from asr.corpus.effects.noise import coloured_noise
from asr.corpus.effects.pause import quietest_sample
from asr.corpus.manifest import Utterance, read_manifest
from asr.corpus.utterances import load_utterance
from asr.errors import AsrError
from asr.recognizer import Recognizer
from asr.scoring import score

BATCH = 16
PLACES = ("before", "amid", "after")
NUM_ALONE, ALONE_SECONDS, ALONE_RMS = 20, 5.0, 10**-2.5

Noise = Callable[[int, np.random.Generator], np.ndarray]


def tune(num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Notes of a pentatonic scale, a quarter of a second each, with five harmonics."""
    time = np.arange(num_samples) / SAMPLE_RATE
    notes = 220 * 2 ** (rng.choice([0, 2, 4, 7, 9, 12], 1 + num_samples // 4000) / 12)
    phase = 2 * np.pi * np.cumsum(np.repeat(notes, 4000)[:num_samples]) / SAMPLE_RATE
    return sum(np.sin(k * phase) / k for k in range(1, 6)) * np.exp(-6 * (time % 0.25))


def hum(num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Of the mains: 50 Hz and its harmonics."""
    time = np.arange(num_samples) / SAMPLE_RATE
    return np.sum([np.sin(2 * np.pi * 50 * k * time + rng.uniform(0, 6)) / k for k in range(1, 8)], axis=0)


# Each kind with its level in decibels below the speech; None is as it is.
KINDS: dict[str, tuple[Noise, float | None]] = {
    "zeros": (lambda num_samples, rng: np.zeros(num_samples), None),
    "room": (lambda num_samples, rng: coloured_noise(num_samples, 4.5, rng), 40.0),
    "white": (lambda num_samples, rng: rng.standard_normal(num_samples), 30.0),
    "hum": (hum, 25.0),
    "tune": (tune, 20.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--limit", type=int, help="only the first N utterances")
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.25, 1.0, 5.0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    arguments = parser.parse_args()
    recognizer = Recognizer.load(arguments.model)
    utterances = read_manifest(arguments.manifest)[: arguments.limit]
    sounds = [load_utterance(utterance) for utterance in utterances]
    middles = [between_words(recognizer, u.text, sound) for u, sound in zip(utterances, sounds, strict=True)]

    def wer(change: Callable[[np.ndarray, int, np.random.Generator], np.ndarray]) -> str:
        pairs = zip(sounds, middles, strict=True)
        changed = [change(sound, mid, np.random.default_rng(index)) for index, (sound, mid) in enumerate(pairs)]
        return f"{error_rate(recognizer, utterances, changed):.2f}"

    print(f"as it is {wer(lambda sound, mid, rng: sound)}, a click before it {wer(add_click)}\n")
    columns = [(kind, place) for kind in arguments.kinds for place in PLACES]
    print("| seconds | " + " | ".join(f"{kind} {place}" for kind, place in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for seconds in arguments.seconds:
        cells = [wer(partial(put, kind=kind, place=place, seconds=seconds)) for kind, place in columns]
        print(f"| {seconds:g} | " + " | ".join(cells) + " |", flush=True)
    for kind in arguments.kinds:
        print(f"{kind} alone: {num_heard(recognizer, kind)} of {NUM_ALONE} give text")


def make(kind: str, num_samples: int, rms: float, rng: np.random.Generator) -> np.ndarray:
    """`rms` of the speech that it stands beside, 1.0 at full scale."""
    noise, decibels = KINDS[kind]
    samples = noise(num_samples, rng)
    if decibels is not None:
        samples *= rms * 10 ** (-decibels / 20) / np.sqrt(mean_power(samples))
    return samples.astype(np.float32)


def between_words(recognizer: Recognizer, text: str, sound: np.ndarray) -> int:
    """The sample between two words that is nearest to the middle; of a single word, its end."""
    try:
        words = recognizer.align(torch.from_numpy(sound), text).words
    except AsrError:  # too short for its text, to this model
        return quietest_sample(sound)
    gaps = [round((a.end + b.start) / 2 * SAMPLE_RATE) for a, b in pairwise(words)] or [len(sound)]
    return min(gaps, key=lambda gap: abs(gap - len(sound) // 2))


def put(sound: np.ndarray, mid: int, rng: np.random.Generator, *, kind: str, place: str, seconds: float) -> np.ndarray:
    added = make(kind, round(seconds * SAMPLE_RATE), float(np.sqrt(mean_power(sound[speech_mask(sound)]))), rng)
    where = {"before": 0, "amid": mid, "after": len(sound)}[place]
    return np.concatenate([sound[:where], added, sound[where:]])


def add_click(sound: np.ndarray, mid: int, rng: np.random.Generator) -> np.ndarray:
    click = rng.choice(np.array([-1, 1], np.float32), 160)
    return np.concatenate([click, np.zeros(1600, np.float32), sound])


def error_rate(recognizer: Recognizer, utterances: Sequence[Utterance], sounds: Sequence[np.ndarray]) -> float:
    """WER in per cent."""
    return 100 * score([utterance.text for utterance in utterances], texts(recognizer, sounds)).wer


def num_heard(recognizer: Recognizer, kind: str) -> int:
    """Of the sounds without speech, those in which a text is heard; from -50 to -31 dB of full scale."""
    rngs = [np.random.default_rng(seed) for seed in range(NUM_ALONE)]
    levels = [ALONE_RMS * 10 ** (number / 20) for number in range(NUM_ALONE)]
    num_samples = round(ALONE_SECONDS * SAMPLE_RATE)
    alone = [make(kind, num_samples, level, rng) for level, rng in zip(levels, rngs, strict=True)]
    return sum(bool(text) for text in texts(recognizer, alone))


def texts(recognizer: Recognizer, sounds: Sequence[np.ndarray]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(sounds), BATCH):
        log_probs = recognizer.log_probs(sounds[start : start + BATCH])
        found += [recognizer.tokens.decode(best.tokens) for best in recognizer.decode(log_probs)]
    return found


if __name__ == "__main__":
    main()
