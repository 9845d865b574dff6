"""SVOX Pico (Apache-2.0), of the package py-nanotts: a US and a British woman, at any pitch and tempo."""

from importlib import import_module
from typing import Any

import numpy as np

from recipes.english.voices.speech import Speech, installed_version

SAMPLE_RATE = 16_000
VOICES = ("en-US", "en-GB")
PITCH = (0.75, 1.25)
TEMPO = (0.65, 1.05)  # of the voice itself, which speaks faster than most people read


class Pico:
    """One of the two voices."""

    def __init__(self) -> None:
        self.version = installed_version("py-nanotts", "pico")
        package: Any = import_module("py_nanotts")
        self._synthesizer = package.NanoTTS()

    def say(self, sentence: str, rng: np.random.Generator) -> Speech:
        voice, tempo, pitch = str(rng.choice(VOICES)), rng.uniform(*TEMPO), rng.uniform(*PITCH)
        sound = self._synthesizer.speak(sentence, voice=voice, speed=tempo, pitch=pitch)
        samples = np.frombuffer(sound, "<i2").astype(np.float32) / np.float32(2**15)
        return Speech(samples, SAMPLE_RATE, f"pico-{voice}")


def load() -> Pico:
    """The voices.

    Raises:
        CorpusError: the package is not installed.
    """
    return Pico()
