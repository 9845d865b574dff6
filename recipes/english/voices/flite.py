"""Flite (Carnegie Mellon; Debian's `flite`), an external program, about 40 times as fast as real time.

awb is a Scotsman, rms and slt are Americans, statistical voices of the ARCTIC recordings; kal16 is a diphone voice.
"""

import numpy as np

from recipes.english.voices.speech import Speech, program_version, run_program

VOICES = ("awb", "rms", "slt", "kal16")
STRETCH = (1.0, 1.55)  # at 1.0 the voices speak faster than most people read


class Flite:
    """One of its voices, at any tempo."""

    def __init__(self, version: str) -> None:
        self.version = version

    def say(self, sentence: str, rng: np.random.Generator) -> Speech:
        voice, stretch = str(rng.choice(VOICES)), rng.uniform(*STRETCH)
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.3f}", "-f", "/dev/stdin", "-o"]
        return Speech(*run_program(command, sentence), f"flite-{voice}")


def load() -> Flite:
    """The voices.

    Raises:
        CorpusError: the program is not installed.
    """
    return Flite(program_version("flite"))
