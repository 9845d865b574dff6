"""Model folders with a tagger, and what a recogniser does with it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asr.model_folder import model_digest
from asr.recognizer import Recognizer
from asr.text.restore import restored_transcript
from asr.text.tagger_file import tagger_to_bytes
from tests.support.model_folders import edit_config, refused, same
from tests.support.taggers import random_tagger
from tests.support.talkative import sound, talkative


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    plain = talkative()
    return Recognizer(replace(plain.parts, tagger=random_tagger()))


@pytest.fixture
def folder(tmp_path: Path, recognizer: Recognizer) -> Path:
    recognizer.save(tmp_path / "model")
    return tmp_path / "model"


def test_the_tagger_comes_back_with_the_folder(folder: Path, recognizer: Recognizer) -> None:
    loaded = Recognizer.load(folder)
    assert same(loaded, recognizer)
    assert loaded.parts.tagger is not None
    assert tagger_to_bytes(loaded.parts.tagger) == (folder / "tagger.safetensors").read_bytes()


def test_a_folder_without_one_has_none(folder: Path) -> None:
    (folder / "tagger.safetensors").unlink()
    edit_config(folder, tagger=None)  # as older versions wrote it
    assert Recognizer.load(folder).parts.tagger is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), "copy the whole model folder again"),
        (lambda path: path.write_bytes(b"{}"), "damaged, or not a tagger"),
    ],
)
def test_a_damaged_tagger_is_refused(damage: Callable[[Path], object], message: str, folder: Path) -> None:
    damage(folder / "tagger.safetensors")
    refused(folder, "tagger.safetensors", message)


def test_another_tagger_is_another_model(folder: Path) -> None:
    before = model_digest(folder)
    (folder / "tagger.safetensors").write_bytes(tagger_to_bytes(random_tagger(2)))
    assert model_digest(folder) != before


def test_what_is_heard_stays_and_the_printed_form_stands_beside_it(recognizer: Recognizer) -> None:
    samples = np.asarray(sound(48_000))
    tagged, plain = recognizer.transcribe(samples), recognizer.without_tagger().transcribe(samples)
    assert recognizer.parts.tagger is not None
    assert tagged == restored_transcript(plain, recognizer.parts.tagger)
    assert tagged.text == plain.text != ""
    assert all(word.written is None for word in plain.words)
    assert tagged.words[-1].written is not None
    assert tagged.words[-1].written[-1] in ".?"
