"""Festival (Edinburgh; Debian's `festival` and `festvox-kallpc16k`), an external program: its diphone voice "kal"."""

import numpy as np

from recipes.english.voices.speech import Speech, program_version, run_program

STRETCH = (1.0, 1.55)  # at 1.0 the voices speak faster than most people read


class Festival:
    """The voice kal_diphone, at any tempo."""

    def __init__(self, version: str) -> None:
        self.version = version

    def say(self, sentence: str, rng: np.random.Generator) -> Speech:
        set_up = f"(begin (voice_kal_diphone) (Parameter.set 'Duration_Stretch {rng.uniform(*STRETCH):.3f}))"
        return Speech(*run_program(["text2wave", "-eval", set_up, "-o"], sentence), "festival-kal")


def load() -> Festival:
    """The voice.

    Raises:
        CorpusError: the program is not installed.
    """
    return Festival(program_version("festival"))
