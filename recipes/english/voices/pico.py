"""SVOX Pico (Apache-2.0), of the package py-nanotts: a US and a British woman, at any pitch and tempo.

Each sentence has its own process, as the noise in a sound depends on all that its process has spoken before.
"""

import sys

import numpy as np

from recipes.english.voices.speech import Speech, installed_version, run_program

VOICES = ("en-US", "en-GB")
PITCH = (0.75, 1.25)
TEMPO = (0.65, 1.05)  # of the voice itself, which speaks faster than most people read


class Pico:
    """One of the two voices."""

    def __init__(self) -> None:
        self.version = installed_version("py-nanotts", "pico")

    def say(self, sentence: str, rng: np.random.Generator) -> Speech:
        voice, tempo, pitch = str(rng.choice(VOICES)), rng.uniform(*TEMPO), rng.uniform(*PITCH)
        command = [
            sys.executable,
            "-m",
            "py_nanotts",
            "-v",
            voice,
            "--speed",
            f"{tempo:.3f}",
            "--pitch",
            f"{pitch:.3f}",
        ]
        return Speech(*run_program([*command, sentence, "-o"], sentence), f"pico-{voice}")


def load() -> Pico:
    """The voices.

    Raises:
        CorpusError: the package is not installed.
    """
    return Pico()
