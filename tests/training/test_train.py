"""The run folder that a training begins in, or goes on with."""

from pathlib import Path

import pytest

from asr.errors import OutputError, TrainingError
from asr.training.run.checkpoint import Checkpoints
from asr.training.train import train
from tests.support.small_training import settings_for, write_small_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_corpus(tmp_path_factory.mktemp("corpus"))


def test_an_impossible_output_folder_is_one_error(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="is a file"):
        train(settings_for(corpus, tmp_path), tmp_path / "file")
    with pytest.raises(OutputError, match="could not be written"):
        train(settings_for(corpus, tmp_path), tmp_path / "file" / "run")


def test_a_used_folder_is_refused_and_a_missing_checkpoint_too(corpus: Path, tmp_path: Path) -> None:
    settings = settings_for(corpus, tmp_path, max_epochs=1)
    with pytest.raises(TrainingError, match="no checkpoint to resume from"):
        train(settings, tmp_path / "run", resume=True)
    train(settings, tmp_path / "run")
    with pytest.raises(TrainingError, match="--resume"):
        train(settings, tmp_path / "run")
    with pytest.raises(TrainingError, match=r"other settings: model\.hidden_size: 8 -> 9, training\.seed: 1 -> 2; "):
        train(settings_for(corpus, tmp_path, ["model.hidden_size=9"], seed=2), tmp_path / "run", resume=True)
    assert "hidden_size: 8" in (tmp_path / "run" / "settings.yaml").read_text()
    for path in Checkpoints(tmp_path / "run").paths():
        path.write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="all checkpoints are damaged"):
        train(settings, tmp_path / "run", resume=True)
