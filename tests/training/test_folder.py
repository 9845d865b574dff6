"""A state of other settings or tokens is not gone on with."""

from pathlib import Path

import pytest

from asr.errors import TrainingError
from asr.training.run.checkpoint import Checkpoints
from asr.training.train import train
from tests.support.small_training import settings_for, write_small_corpus
from tests.support.tones import write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_corpus(tmp_path_factory.mktemp("corpus"))


def test_a_run_of_before_the_mean_of_speech_does_not_go_on_with_it_unasked(corpus: Path, tmp_path: Path) -> None:
    train(settings_for(corpus, tmp_path, max_epochs=1), tmp_path / "run")
    checkpoints = Checkpoints(tmp_path / "run")
    _, state = checkpoints.load(print)
    del state["settings"]["model"]["features"]["mean_over"]
    checkpoints.save(state["progress"]["step"], state)
    with pytest.raises(TrainingError, match=r"other settings: model\.features\.mean_over: utterance -> speech; "):
        train(settings_for(corpus, tmp_path, max_epochs=2), tmp_path / "run", resume=True)
    same = settings_for(corpus, tmp_path, ["model.features.mean_over=utterance"], max_epochs=2)
    train(same, tmp_path / "run", resume=True)


def test_training_texts_that_have_changed_are_refused_at_resume(tmp_path: Path) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    write_corpus(tmp_path, "train", ["AABA", "B A"], seed=1)
    settings = settings_for(tmp_path, tmp_path, max_epochs=1)
    train(settings, tmp_path / "run")
    write_corpus(tmp_path, "train", ["BBAB", "B A"], seed=1)  # as many letters, in another order
    with pytest.raises(TrainingError, match="training texts have changed"):
        train(settings, tmp_path / "run", resume=True)
