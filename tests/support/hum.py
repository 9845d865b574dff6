"""A voice that hums, and synthetic speech made with it."""

from pathlib import Path

import numpy as np

from recipes.english.synthesize import synthesize
from recipes.english.voices.speech import Speech
from recipes.english_text import words_of

SHARD = 4 * 2.0 / 3600  # more than a shard's hours, less than two
PROMPTS = [f"The {animal} runs up the {place}." for animal in ("cat", "dog", "hen") for place in ("hill", "road")]
LETTERS_A_SECOND = 15.0


class Hum:
    """A stand-in for a voice: hums as long as it would take to say the sentence, at a pitch of its own."""

    version = "hum 1"

    def __init__(self, *, dumb_for: str = "") -> None:
        self._dumb_for = dumb_for

    def say(self, sentence: str, rng: np.random.Generator) -> Speech:
        seconds = sum(map(len, words_of(sentence))) / LETTERS_A_SECOND
        if self._dumb_for and self._dumb_for in sentence:
            seconds *= 10  # stuck
        return Speech(hum(seconds, pitch=rng.uniform(100, 300)), 24_000, f"hum-{rng.integers(3)}")


def hum(seconds: float, *, pitch: float = 200.0, silence: float = 0.3) -> np.ndarray:
    sound = 0.3 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * 24_000)) / 24_000)
    return np.pad(sound, round(silence * 24_000)).astype(np.float32)


def make(prompts: Path, out: Path, *, hours: float, seed: int = 1, voice: Hum | None = None) -> None:
    synthesize("hum", lambda name: voice or Hum(), prompts, out, hours=hours, seed=seed, prompts_per_shard=4)
