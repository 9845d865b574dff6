"""Fine-tuning: a training that starts from a model begins with what that model says, and goes on from there."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asr.corpus.manifest import read_manifest, write_manifest
from asr.errors import ModelError, SettingsError, TrainingError
from asr.recognizer import Recognizer
from asr.training.run.checkpoint import Checkpoints
from asr.training.run.metrics import read_metrics
from asr.training.settings import ExperimentSettings
from asr.training.train import train
from tests.support.small_training import settings_for, state_of, write_small_corpus

SMALL = {"max_epochs": 1, "learning_rate": 1e-30}  # so small that no weight moves


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    train(settings_for(corpus, folder), folder / "run")
    return folder / "run" / "model"


def fine_tuning(corpus: Path, folder: Path, model: Path, **loop: object) -> ExperimentSettings:
    """As a settings file without a section `model`."""
    settings = settings_for(corpus, folder, None, start_from=str(model), **loop)
    return ExperimentSettings.model_validate(settings.model_dump(exclude={"model"}))


def log_probs(model: Path) -> np.ndarray:
    (rows,) = Recognizer.load(model).log_probs([np.sin(np.arange(8000, dtype=np.float32))])
    return rows


def test_it_starts_from_the_weights(corpus: Path, model: Path, tmp_path: Path) -> None:
    train(fine_tuning(corpus, tmp_path, model, **SMALL), tmp_path / "run")
    np.testing.assert_array_equal(log_probs(tmp_path / "run" / "model"), log_probs(model))


def test_the_model_may_be_an_installed_one(corpus: Path, model: Path, tmp_path: Path, models_home: Path) -> None:
    shutil.copytree(model, models_home / "ours")
    train(fine_tuning(corpus, tmp_path, Path("ours"), **SMALL), tmp_path / "run")
    np.testing.assert_array_equal(log_probs(tmp_path / "run" / "model"), log_probs(model))


def test_it_learns_on(corpus: Path, model: Path, tmp_path: Path) -> None:
    train(fine_tuning(corpus, tmp_path, model), tmp_path / "run")
    before, after = (read_metrics(folder / "metrics.jsonl") for folder in (model.parent, tmp_path / "run"))
    assert after[0].train_loss < before[0].train_loss
    assert not np.array_equal(log_probs(tmp_path / "run" / "model"), log_probs(model))


def test_other_characters_give_a_new_head_alone(
    corpus: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    utterances = read_manifest(corpus / "train.jsonl")
    lower = [replace(utterance, text=utterance.text.lower()) for utterance in utterances]
    for name in ("train", "dev"):
        write_manifest(tmp_path / f"{name}.jsonl", lower)
    train(fine_tuning(tmp_path, tmp_path, model, **SMALL), tmp_path / "run")
    said = capsys.readouterr()
    assert f"those of {model} lack 'a' 'b' 'c'" in said.out + said.err
    old, new = Recognizer.load(model).model.state_dict(), state_of(tmp_path / "run")
    kept = {name for name in old if not name.startswith("head.")}
    assert all(np.array_equal(old[name], new[name]) for name in kept)
    assert not np.array_equal(old["head.weight"], new["head.weight"])


def test_another_network_in_the_settings_is_refused(corpus: Path, model: Path, tmp_path: Path) -> None:
    settings = settings_for(corpus, tmp_path, ["model.hidden_size=9", f"training.start_from={model}"])
    with pytest.raises(
        SettingsError, match=r"another network \(model\.hidden_size: 8\); leave the section `model` out"
    ):
        train(settings, tmp_path / "run")
    train(settings_for(corpus, tmp_path, [f"training.start_from={model}"], max_epochs=1), tmp_path / "same")


def test_a_folder_without_a_model_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        train(fine_tuning(corpus, tmp_path, tmp_path / "nothing"), tmp_path / "run")


def test_an_interrupted_one_goes_on_as_if_it_had_not_been(corpus: Path, model: Path, tmp_path: Path) -> None:
    settings, run = fine_tuning(corpus, tmp_path, model, max_epochs=2, keep_last=10), tmp_path / "run"
    train(settings, run)
    whole = state_of(run)
    Checkpoints(run).paths()[-1].unlink()
    train(settings, run, resume=True)
    assert all(np.array_equal(value, whole[name]) for name, value in state_of(run).items())
    with pytest.raises(TrainingError, match=f"training.start_from: {model} -> None"):
        train(settings_for(corpus, tmp_path, max_epochs=2), run, resume=True)
