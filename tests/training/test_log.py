"""What a training leaves beside the weights, for its report: environment, examples, blank ratio and intervals."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from asr.corpus.manifest import read_manifest
from asr.errors import OutputError, TrainingError
from asr.evaluation import evaluate
from asr.recognizer import Recognizer
from asr.reporting import write_report
from asr.settings import load_settings
from asr.training.run.environment import _commit, environment, note_environment, read_environment
from asr.training.run.log import RunLog
from asr.training.run.metrics import EpochRecord, best_epoch, read_metrics
from asr.training.run.records import read_records, read_steps
from asr.training.settings import ExperimentSettings
from asr.training.train import train
from tests.support.small_training import settings_for, write_small_corpus
from tests.support.tones import random_texts, write_corpus

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs, then resumed for two more."""
    folder = tmp_path_factory.mktemp("training")
    write_corpus(folder, "train", random_texts(24, seed=1), seed=1)
    write_corpus(folder, "dev", random_texts(45, seed=2), seed=2)
    values = {
        "data": {name: str(folder / f"{name}.jsonl") for name in ("train", "dev")},
        "model": {"subsampling": 4, "conv_channels": 4, "num_layers": 1, "hidden_size": 8},
        "training": {"batch_seconds": 6, "num_workers": 0, "warmup_steps": 1, "learning_rate": 0.01, "ema_decay": 0.5},
    }
    (folder / "conf.yaml").write_text(yaml.safe_dump(values))
    for epochs, resume in ((2, False), (4, True)):
        settings = load_settings(ExperimentSettings, folder / "conf.yaml", [f"training.max_epochs={epochs}"])
        train(settings, folder / "run", resume=resume)
    return folder


def test_the_best_epoch_of_the_metrics_is_what_evaluating_its_model_gives(run: Path) -> None:
    metrics = read_metrics(run / "run" / "metrics.jsonl")
    assert [record.epoch for record in metrics] == [1, 2, 3, 4]
    best = best_epoch(metrics)
    assert best is not None
    evaluation = evaluate(Recognizer.load(run / "run" / "model"), read_manifest(run / "dev.jsonl"))
    assert best.blank_ratio == pytest.approx(evaluation.blank_ratio)
    logged = [best.dev_wer_low, best.dev_wer, best.dev_wer_high]
    assert logged == [evaluation.score.wer_low, evaluation.score.wer, evaluation.score.wer_high]


def test_examples_are_the_same_20_utterances_after_each_better_epoch(run: Path) -> None:
    examples = read_records(run / "run" / "examples.jsonl")
    metrics = read_metrics(run / "run" / "metrics.jsonl")
    epochs = list(dict.fromkeys(example["epoch"] for example in examples))
    results = [(record.dev_wer, record.dev_loss) for record in metrics]
    assert epochs == [place + 1 for place, result in enumerate(results) if result < min([*results[:place], (9.0, 9.0)])]
    assert len(epochs) >= 3  # so that some are of the first start and some of the second
    utterances = read_manifest(run / "dev.jsonl")
    places = [place * 45 // 20 for place in range(20)]
    for epoch in epochs:
        some = [example for example in examples if example["epoch"] == epoch]
        assert [example["id"] for example in some] == [utterances[place].id for place in places]
        assert [example["reference"] for example in some] == [utterances[place].text for place in places]
    score = evaluate(Recognizer.load(run / "run" / "model"), utterances).score
    assert [example["hypothesis"] for example in some] == [score.utterances[place].hypothesis for place in places]


def test_the_environment_has_a_record_for_each_start(run: Path) -> None:
    starts = read_environment(run / "run" / "environment.json")
    assert [start["first_epoch"] for start in starts] == [1, 3]
    assert {start["python"] for start in starts} == {platform.python_version()}
    assert {(start["torch"], start["device"]) for start in starts} == {(torch.__version__, "cpu")}
    write_report(run / "run")
    assert "1, then 3" in (run / "run" / "report.html").read_text()


def test_a_new_start_forgets_the_environment_of_the_one_before_and_a_broken_one_is_named(tmp_path: Path) -> None:
    note_environment(tmp_path, CPU, first_epoch=1, resume=True)
    note_environment(tmp_path, CPU, first_epoch=1, resume=False)
    path = tmp_path / "environment.json"
    assert len(json.loads(path.read_text())) == 1
    for broken in ("{", "{}", "[3]", "[" * 100_000):
        path.write_text(broken)
        with pytest.raises(TrainingError, match=r"environment\.json: expected a JSON list of objects"):
            note_environment(tmp_path, CPU, first_epoch=2, resume=True)


def test_the_commit_is_that_of_the_code_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert _commit(tmp_path) is None
    git("init")
    assert _commit(tmp_path) is None  # nothing committed yet
    (tmp_path / "file").write_text("one")
    (tmp_path / "installed").mkdir()
    git("add", "file")
    git("commit", "-m", "one")
    assert _commit(tmp_path) == git("rev-parse", "HEAD")
    assert _commit(tmp_path / "installed") is None  # in a folder of the repository, but no code of its
    (tmp_path / "file").write_text("two")
    assert _commit(tmp_path) == git("rev-parse", "HEAD") + "-dirty"
    monkeypatch.setenv("PATH", "")
    assert _commit(tmp_path) is None
    assert environment(CPU)["commit"] is None


def test_a_resumed_log_forgets_the_epochs_that_are_done_again(tmp_path: Path) -> None:
    lines = [{"epoch": epoch, "id": str(number)} for epoch in (1, 2, 3) for number in (1, 2)]
    for name in ("metrics.jsonl", "examples.jsonl"):
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = RunLog(tmp_path, tensorboard=False)
    log.keep_until(1, step=4)
    log.examples(2, [])
    log.epoch(EpochRecord(epoch=2, dev_wer=0.5))
    assert read_records(tmp_path / "examples.jsonl") == lines[:2]
    assert read_records(tmp_path / "metrics.jsonl")[:2] == lines[:2]  # of another version, and kept as they are
    assert [(one.epoch, one.dev_wer) for one in read_metrics(tmp_path / "metrics.jsonl")[2:]] == [(2, 0.5)]


def test_examples_that_cannot_be_written_are_a_warning(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "examples.jsonl").mkdir()
    RunLog(tmp_path, tensorboard=False).examples(1, [])
    assert "warning: " in capfd.readouterr().err


def test_steps_that_cannot_be_written_are_kept_and_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    log = RunLog(tmp_path, tensorboard=False)
    log.step({"step": 1})
    with monkeypatch.context() as patch:
        patch.setattr("asr.training.run.log.append_text", refuse)
        log.flush()
    assert "the disk is full" in capfd.readouterr().err
    assert not (tmp_path / "steps.jsonl").exists()
    log.step({"step": 2})
    log.flush()
    log.flush()
    assert [record["step"] for record in read_steps(tmp_path / "steps.jsonl")] == [1, 2]


def test_tensorboard_gets_the_curve_and_is_asked_for_by_name_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = settings_for(write_small_corpus(tmp_path), tmp_path, tensorboard=True, max_epochs=2)
    train(settings, tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    losses = [record.dev_loss for record in read_metrics(tmp_path / "run" / "metrics.jsonl")]
    assert [event.value for event in events.Scalars("dev_loss")] == pytest.approx(losses)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match=r"pip install 'recurrent-asr\[tensorboard\]'"):
        train(settings, tmp_path / "other")


def refuse(path: Path, text: str) -> None:
    raise OutputError(f"{path}: the disk is full")
