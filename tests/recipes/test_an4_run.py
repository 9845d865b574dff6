"""The AN4 recipe's stages on a small made-up corpus: each is done once, and a stopped one goes on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from recipes.an4 import run as recipe
from tests.support.tones import random_texts, write_corpus


@pytest.fixture
def small_an4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments for the recipe, with prepared manifests and settings that train in a second."""
    for name, count in (("train", 12), ("dev", 4), ("test", 4)):
        write_corpus(tmp_path / "data", name, random_texts(count, seed=len(name)), seed=count)
    conf = tmp_path / "conf.yaml"
    conf.write_text(
        yaml.safe_dump(
            {
                "data": {"train": "", "dev": ""},
                "model": {"conv_channels": 4, "num_layers": 1, "hidden_size": 8},
                "training": {"max_epochs": 2, "batch_seconds": 6, "num_workers": 0},
            }
        )
    )
    monkeypatch.setattr(recipe, "CONF", conf)
    return ["--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs")]


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["an4", *arguments])
    recipe.main()


def test_all_stages_run_once_and_the_table_comes_from_their_files(
    small_an4: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*small_an4, "--seeds", "1", "2"], monkeypatch)
    first = capsys.readouterr()
    records = json.loads((tmp_path / "runs" / "results.json").read_text())
    assert [record["seed"] for record in records] == [1, 2]
    for record in records:
        stored = json.loads((tmp_path / f"runs/seed{record['seed']}/test.json").read_text())
        assert len(stored.pop("utterances")) == stored["num_utterances"]
        assert record["test"] == stored
        assert record["num_epochs"] == 2
    assert "| mean ± sd |" in first.out
    weights = (tmp_path / "runs/seed1/model/model.safetensors").read_bytes()

    run([*small_an4, "--seeds", "1", "2"], monkeypatch)
    second = capsys.readouterr()
    assert second.out == first.out
    assert second.err.count("[train] done before") == 2
    assert second.err.count("[test] done before") == 4
    assert second.err.count("[tune] done before") == 2
    assert (tmp_path / "runs/seed1/model/model.safetensors").read_bytes() == weights


def test_a_finished_run_with_other_settings_is_not_passed_off_as_this_one(
    small_an4: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*small_an4, "--seeds", "1"], monkeypatch)
    with pytest.raises(SystemExit) as refused:
        run([*small_an4, "--seeds", "1", "--set", "model.hidden_size=9"], monkeypatch)
    assert refused.value.code == 2
    assert "was trained with other settings" in capsys.readouterr().err


def test_a_finished_run_of_before_the_mean_of_speech_is_another_one(
    small_an4: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*small_an4, "--seeds", "1"], monkeypatch)
    written = tmp_path / "runs" / "seed1" / "settings.yaml"
    assert "    mean_over: speech\n" in written.read_text()
    written.write_text(written.read_text().replace("    mean_over: speech\n", ""))
    with pytest.raises(SystemExit):
        run([*small_an4, "--seeds", "1"], monkeypatch)
    assert "was trained with other settings" in capsys.readouterr().err


def test_a_finished_training_goes_on_with_more_epochs_and_is_tested_anew(
    small_an4: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*small_an4, "--seeds", "1"], monkeypatch)
    capsys.readouterr()
    run([*small_an4, "--seeds", "1", "--set", "training.max_epochs=3"], monkeypatch)
    said = capsys.readouterr().err
    assert "resumed at epoch 3" in said
    assert not any(f"[{stage}] done before" in said for stage in ("train", "test", "tune"))
    (record,) = json.loads((tmp_path / "runs" / "results.json").read_text())
    assert record["num_epochs"] == 3
    with pytest.raises(SystemExit):  # fewer: that would be another training
        run([*small_an4, "--seeds", "1"], monkeypatch)
    assert "was trained with other settings" in capsys.readouterr().err


def test_a_stopped_training_goes_on_by_the_same_command(
    small_an4: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from asr.training.loop import Trainer

    step = Trainer._train_step

    def stopped_step(self: Trainer, *arguments: Any) -> object:
        self.saver.stop_request.asked = self.progress.step == 1
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", stopped_step)
        with pytest.raises(SystemExit) as stopped:
            run([*small_an4, "--seeds", "1"], monkeypatch)
    assert stopped.value.code == 130
    assert "the same command goes on" in capsys.readouterr().err
    run([*small_an4, "--seeds", "1"], monkeypatch)
    assert "resumed at epoch 1, step 2" in capsys.readouterr().err
    assert (tmp_path / "runs" / "results.json").is_file()


def test_a_missing_archive_is_one_line_and_exit_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "recipes.an4.run", "--archive", "nowhere.tar.gz", "--data", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert result.returncode == 2
    assert "nowhere.tar.gz: no such archive file" in result.stderr
    assert "Traceback" not in result.stderr
