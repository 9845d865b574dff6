"""The loop: equal for equal seeds, equal after an interruption, stopped when dev no longer improves."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from asr.errors import AudioError, Interrupted, OutputError
from asr.recognizer import Recognizer
from asr.training.loop import Trainer
from asr.training.run.checkpoint import Checkpoints
from asr.training.run.metrics import read_metrics
from asr.training.train import train
from tests.support.small_training import saved_state, settings_for, state_of, weights_of, write_small_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_corpus(tmp_path_factory.mktemp("corpus"), num_train=24, num_dev=6)


def curve_of(run: Path) -> list[tuple[float, ...]]:
    keys = ("epoch", "step", "train_loss", "gradient_norm", "dev_loss", "dev_wer")
    return [tuple(getattr(record, key) for key in keys) for record in read_metrics(run / "metrics.jsonl")]


def test_two_trainings_with_one_seed_are_equal_and_with_another_seed_are_not(corpus: Path, tmp_path: Path) -> None:
    for name, seed, workers in (("one", 1, 0), ("two", 1, 1), ("other", 2, 0)):
        train(settings_for(corpus, tmp_path, seed=seed, num_workers=workers), tmp_path / name)
    assert curve_of(tmp_path / "one") == curve_of(tmp_path / "two")
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "two")
    assert weights_of(tmp_path / "one") != weights_of(tmp_path / "other")


def test_an_interrupted_training_goes_on_to_the_same_weights(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(corpus, tmp_path)
    train(settings, tmp_path / "whole")
    step = Trainer._train_step

    def interrupted_step(self: Trainer, *arguments: Any) -> object:
        if self.progress.step == 7:  # in the midst of an epoch
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", interrupted_step)
        with pytest.raises(Interrupted, match="--resume"):
            train(settings, tmp_path / "broken")
    assert saved_state(tmp_path / "broken")["progress"]["batch"] > 0
    train(settings, tmp_path / "broken", resume=True)
    whole, broken = state_of(tmp_path / "whole"), state_of(tmp_path / "broken")
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "broken")
    assert [row[:2] for row in curve_of(tmp_path / "whole")] == [row[:2] for row in curve_of(tmp_path / "broken")]
    assert curve_of(tmp_path / "whole")[-1] == curve_of(tmp_path / "broken")[-1]


def test_early_stop_keeps_the_best_epoch(corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # With a learning rate of almost zero dev never improves after the first epoch.
    train(settings_for(corpus, tmp_path, learning_rate=1e-12, max_epochs=50, patience=2), tmp_path / "run")
    assert len(read_metrics(tmp_path / "run" / "metrics.jsonl")) < 50
    assert "stopped" in capfd.readouterr().err


def test_a_run_out_of_patience_stays_so_when_it_is_resumed(corpus: Path, tmp_path: Path) -> None:
    settings = settings_for(corpus, tmp_path, learning_rate=1e-12, max_epochs=50, patience=2)
    train(settings, tmp_path / "run")
    curve = curve_of(tmp_path / "run")
    train(settings, tmp_path / "run", resume=True)
    assert curve_of(tmp_path / "run") == curve


def test_a_full_disk_while_saving_the_best_model_is_tried_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    save, calls = Recognizer.save, []

    def full_at_first(self: Recognizer, *arguments: Any, **options: Any) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise OutputError("the disk is full")
        save(self, *arguments, **options)

    monkeypatch.setattr(Recognizer, "save", full_at_first)
    train(settings_for(corpus, tmp_path), tmp_path / "run")
    assert len(calls) >= 2
    assert "warning: the disk is full; training goes on" in capfd.readouterr().err
    assert Recognizer.load(tmp_path / "run" / "model")
    monkeypatch.setattr(Recognizer, "save", lambda *_, **__: (_ for _ in ()).throw(OutputError("the disk is full")))
    with pytest.raises(OutputError, match="could not be written"):
        train(settings_for(corpus, tmp_path, max_epochs=1), tmp_path / "other")


def test_a_broken_sound_of_dev_does_not_cost_the_epoch(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus, tmp_path / "corpus")
    settings = settings_for(tmp_path / "corpus", tmp_path)
    train(settings, tmp_path / "whole")
    broken = tmp_path / "corpus" / "dev" / "dev1.wav"
    content = broken.read_bytes()
    broken.write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"dev1\.wav.*; the state is saved: mend this, then go on with --resume"):
        train(settings, tmp_path / "run")
    assert Checkpoints(tmp_path / "run").paths()
    broken.write_bytes(content)
    train(settings, tmp_path / "run", resume=True)
    assert weights_of(tmp_path / "run") == weights_of(tmp_path / "whole")
    whole, resumed = (read_metrics(tmp_path / name / "metrics.jsonl") for name in ("whole", "run"))
    assert [record.layers for record in resumed] == [record.layers for record in whole]  # gradients of no step
    assert all(norms.gradients > 0 for norms in resumed[0].layers.values())
