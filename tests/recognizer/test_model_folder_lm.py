"""Model folders with language models, or from before there were any."""

from pathlib import Path

import pytest

from asr.alignment.confidence import Calibration
from asr.lm.estimate import estimate_ngrams
from asr.lm.neural.model import NeuralLM, NeuralLMSettings
from asr.lm.ngram import NGramModel
from asr.model_folder import ModelParts
from asr.recognizer import Recognizer
from asr.search import SearchSettings
from tests.support.model_folders import edit_config, refused, same
from tests.support.talkative import TEXTS, sound, talkative


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return talkative()


def test_a_model_from_before_there_were_language_models_is_read(tmp_path: Path, recognizer: Recognizer) -> None:
    folder = tmp_path / "old"
    recognizer.save(folder)
    edit_config(folder, calibration=None, language_model=None, lexicon=None, neural_lm=None)
    edit_config(folder, search={"method": "greedy", "beam_width": 16})
    loaded = Recognizer.load(folder)
    assert same(loaded, recognizer)
    assert loaded.search == SearchSettings(beam_width=16)
    assert (loaded.parts.language_model, loaded.parts.lexicon, loaded.parts.neural_lm, loaded.parts.calibration) == (
        None,
        (),
        None,
        Calibration(),
    )


@pytest.fixture
def tuned(tmp_path: Path, recognizer: Recognizer) -> Path:
    """A model folder with all that `asr tune` may put into it."""
    estimated = estimate_ngrams((text.split() for text in TEXTS), order=2)
    parts = ModelParts(
        recognizer.engine,
        recognizer.tokens,
        SearchSettings(method="beam"),
        language_model=NGramModel.from_ngrams(estimated.words, estimated.ngrams),
        lexicon=("HATS",),
        neural_lm=NeuralLM(NeuralLMSettings(hidden_size=4), recognizer.tokens),
    )
    Recognizer(parts).save(tmp_path / "tuned")
    return tmp_path / "tuned"


@pytest.mark.parametrize("name", ["lm.bin", "rnn_lm.safetensors", "lexicon.txt"])
def test_a_missing_or_damaged_language_model_is_refused(tuned: Path, name: str) -> None:
    path = tuned / name
    content = path.read_bytes()
    path.unlink()
    refused(tuned, f"{name}: no such file")
    middle = len(content) // 2
    damages = [b"\xff" * 50, content[:middle] + b"\xff" + content[middle + 1 :]]
    if name != "lexicon.txt":  # which is text, and may end anywhere
        damages += [b"", content[:-1], bytes(range(256)) * 40, content[:middle]]
    for damage in damages:
        path.write_bytes(damage)
        refused(tuned, name)
    path.write_bytes(content)
    assert Recognizer.load(tuned).parts.lexicon == ("HATS",)


def test_a_lexicon_may_hold_anything_that_is_text(tuned: Path) -> None:
    (tuned / "lexicon.txt").write_bytes("\n \n{}\u2581\u00a0\r\nA\0B\nHATS\r\nHATS".encode())
    loaded = Recognizer.load(tuned)
    assert isinstance(loaded.transcribe(sound(8000)).text, str)
