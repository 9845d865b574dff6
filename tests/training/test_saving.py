"""When a training saves its state or stops: asked by whom, how often, and with a full disk."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from asr.errors import Interrupted, OutputError
from asr.files import atomic_path
from asr.recognizer import Recognizer
from asr.training.distributed import World
from asr.training.loop import Trainer
from asr.training.run.checkpoint import Checkpoints
from asr.training.run.folder import RunFolder
from asr.training.run.log import RunLog
from asr.training.saving import CheckpointSaver
from asr.training.train import train
from tests.support.small_training import saved_state, settings_for, write_conf, write_small_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_corpus(tmp_path_factory.mktemp("corpus"))


def make_saver(corpus: Path, folder: Path, steps: list[int], **loop: Any) -> CheckpointSaver:
    """Of a run whose state is the last of `steps`."""
    settings = settings_for(corpus, folder, keep_last=9, **loop)
    run, log = RunFolder(folder, settings, {"tokens_sha256": "0"}), RunLog(folder, tensorboard=False)
    return CheckpointSaver(run, settings.training, World(), log, state=lambda: (steps[-1], {"last": steps[-1]}))


def test_states_are_saved_every_so_many_steps_after_epochs_and_before_a_stop(corpus: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    with make_saver(corpus, tmp_path, steps, checkpoint_steps=3) as saver:
        for step in range(1, 9):
            steps.append(step)
            saver.after_step(step)
            if step == 4:
                saver.after_epoch()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted, match=r"the state is saved in .*--resume"):
            saver.after_step(8)
    names = [path.stem for path in Checkpoints(tmp_path).paths()]
    assert names == [f"step-0000000{step}" for step in (3, 4, 6, 8)]
    state = saved_state(tmp_path)
    assert (state["last"], state["tokens_sha256"], state["settings"]["training"]["checkpoint_steps"]) == (8, "0", 3)


def test_a_state_is_saved_when_its_time_has_come_and_not_twice(corpus: Path, tmp_path: Path) -> None:
    steps = [1]
    saver = make_saver(corpus, tmp_path, steps, checkpoint_minutes=1 / 60)
    saver.after_step(1)
    assert Checkpoints(tmp_path).paths() == []
    time.sleep(1.0)
    assert saver.is_due
    saver.after_step(1)
    assert not saver.is_due
    steps.append(2)
    saver.after_step(2)
    assert [path.stem for path in Checkpoints(tmp_path).paths()] == ["step-00000001"]


def test_ctrl_c_at_the_command_line_says_how_to_go_on(corpus: Path, tmp_path: Path) -> None:
    conf = write_conf(corpus, tmp_path / "conf.yaml", max_epochs=5000, patience=5000)
    command = [sys.executable, "-m", "asr", "train", str(conf), "--run", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(timeout=60) == 130
    assert "--resume" in rest
    assert "Traceback" not in rest
    assert Checkpoints(tmp_path / "run").paths()


def test_a_full_disk_costs_a_warning_and_keeps_the_old_checkpoint(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(corpus, tmp_path)
    real = Checkpoints.save
    calls = []

    def full_after_first(self: Checkpoints, step: int, state: dict[str, object]) -> None:
        calls.append(step)
        if len(calls) == 1:
            real(self, step, state)
            return
        with atomic_path(tmp_path / "run" / "checkpoints" / f"step-{step:08d}.pt") as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Checkpoints, "save", full_after_first)
    train(settings, tmp_path / "run")
    assert len(calls) == 3
    assert saved_state(tmp_path / "run")["progress"]["epoch"] == 2  # the first, whole
    assert "No space left on device" in capfd.readouterr().err
    assert [p.name for p in (tmp_path / "run").iterdir() if p.name.startswith(".")] == []
    assert Recognizer.load(tmp_path / "run" / "model")


def test_ctrl_c_on_a_full_disk_does_not_claim_that_the_state_is_saved(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer._train_step

    def stopped_step(self: Trainer, *arguments: Any) -> object:
        self.saver.stop_request.asked = True
        return step(self, *arguments)

    def full(self: Checkpoints, step: int, state: dict[str, object]) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(Trainer, "_train_step", stopped_step)
    monkeypatch.setattr(Checkpoints, "save", full)
    with pytest.raises(Interrupted, match=r"could not be saved: .*the disk is full"):
        train(settings_for(corpus, tmp_path), tmp_path / "run")
