"""`--text` of the mini LibriSpeech recipe: printed sentences beside the transcripts, in the language model."""

import json
import lzma
import sys
from pathlib import Path

import pytest

from asr.corpus.manifest import read_manifest
from asr.errors import CorpusError, LanguageModelError
from asr.lm.estimate import estimate_ngrams
from asr.lm.ngram import NGramModel
from recipes.mini_librispeech import run as recipe
from recipes.mini_librispeech.language_model import MIN_COUNTS, estimate_language_model
from recipes.stages import Experiment, LanguageModel, tune_seed
from tests.support.tones import random_texts, write_corpus

PRINTED = "Mr. Bell came on May 3.\n\n(Vol. x. p. 7.)\n“To-day?” she asked.\n“To-day!” she said.\n"
SAID = ["MISTER BELL CAME ON MAY THIRD", "TO DAY SHE ASKED", "TO DAY SHE SAID"]


@pytest.fixture
def train(tmp_path: Path) -> Path:
    write_corpus(tmp_path, "train", random_texts(6, seed=1), seed=1)
    return tmp_path / "train.jsonl"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "printed.txt.xz"
    path.write_bytes(lzma.compress(PRINTED.encode()))
    return path


def test_the_model_is_that_of_the_transcripts_and_of_what_is_said(train: Path, text: Path, tmp_path: Path) -> None:
    file = estimate_language_model(train, text, tmp_path)
    transcripts = [utterance.text.split() for utterance in read_manifest(train)]
    expected = estimate_ngrams([*transcripts, *(line.split() for line in SAID)], order=3, min_counts=MIN_COUNTS)
    NGramModel.from_ngrams(expected.words, expected.ngrams).save(tmp_path / "expected.bin")
    assert file.read_bytes() == (tmp_path / "expected.bin").read_bytes()
    record = json.loads((tmp_path / "lm.json").read_text())
    assert record == {
        "text": str(text),
        "sentences": 3,
        "words": 14,
        "abbreviation": 1,
        "before a number": 1,
        "day of a month": 1,
        "unclear: other abbreviation": 1,
    }


def test_the_stage_is_done_once_and_not_passed_off_as_one_of_another_text(
    train: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = estimate_language_model(train, text, tmp_path)
    before = file.stat().st_mtime_ns
    estimate_language_model(train, text, tmp_path)
    assert file.stat().st_mtime_ns == before
    assert "[lm] done before" in capsys.readouterr().err
    with pytest.raises(CorpusError, match=r"was made of .*printed\.txt\.xz"):
        estimate_language_model(train, tmp_path / "other.txt", tmp_path)


def test_a_text_without_a_clear_sentence_leaves_nothing(train: Path, tmp_path: Path) -> None:
    (tmp_path / "citations.txt").write_text("(Vol. x. p. 7.)\n")
    with pytest.raises(LanguageModelError, match=r"citations\.txt: there are no words in it"):
        estimate_language_model(train, tmp_path / "citations.txt", tmp_path)
    assert not (tmp_path / "lm.bin").exists()


@pytest.mark.parametrize("given", [True, False])
def test_the_recipe_tunes_with_it(
    train: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    experiments: list[Experiment] = []
    monkeypatch.setattr(recipe, "prepare_train", lambda folder, archive: (train, train))
    monkeypatch.setattr(recipe, "run_seeds", lambda experiment, *others: experiments.append(experiment))
    arguments = ["--archive", "a.tar", "--data", str(tmp_path), *(["--text", str(text)] if given else [])]
    monkeypatch.setattr(sys, "argv", ["mini_librispeech", *arguments])
    recipe.main()
    (experiment,) = experiments
    assert experiment.language_model is not None
    assert experiment.language_model.file == (tmp_path / "lm.bin" if given else None)


def test_a_model_that_was_tuned_with_another_language_model_is_not_passed_off_as_this_one(
    train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = Experiment(Path("conf.yaml"), train, train, {}, None)
    (tmp_path / "seed1" / "model_lm").mkdir(parents=True)
    (tmp_path / "seed1" / "model_lm" / "lm.bin").write_bytes(b"of the transcripts")
    (tmp_path / "lm.bin").write_bytes(b"of another text")
    for language_model in (LanguageModel("word", file=tmp_path / "lm.bin"), LanguageModel("word")):
        with pytest.raises(CorpusError, match="was tuned with another language model"):
            tune_seed(experiment, language_model, tmp_path / "seed1")
    (tmp_path / "lm.bin").write_bytes(b"of the transcripts")
    tune_seed(experiment, LanguageModel("word", file=tmp_path / "lm.bin"), tmp_path / "seed1")
    assert "[tune] done before" in capsys.readouterr().err
