"""The English model that comes with the package, as a person gets it."""

import subprocess
import sys

from asr.pretrained.installed import RECORDING, default_model, installed_models
from asr.scoring import score_utterance

MOST_BYTES = 40_000_000
WITHOUT_TORCH = "import sys; sys.modules.update(torch=None, torchaudio=None); from asr.cli import main; main()"


def test_it_is_taken_unasked_is_small_and_says_how_often_it_is_wrong() -> None:
    english = installed_models()["english"]
    assert english.is_packaged
    assert default_model() == english.folder
    assert english.num_bytes < MOST_BYTES
    assert "Common Voice" in english.card
    assert "WER" in english.card


def test_it_hears_a_real_recording_without_torch_and_prints_it_for_people() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "transcribe", str(RECORDING)],
        check=True, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    text = done.stdout.strip()
    assert text[0].isupper()
    assert text[-1] in ".?"
    said = RECORDING.with_suffix(".txt").read_text(encoding="utf-8")
    plain = [" ".join("".join(c for c in t.upper() if c.isalpha() or c in "' ").split()) for t in (said, text)]
    assert score_utterance("dog", *plain).errors <= 10  # of 14 words: it is an early model
