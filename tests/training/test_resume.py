"""A training that is killed at any moment and started again gives what an unbroken one gives, byte for byte."""

import json
import multiprocessing
import shutil
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from asr.errors import OutputError, TrainingError
from asr.recognizer import Recognizer
from asr.training.run.checkpoint import Checkpoints, Progress
from asr.training.run.lock import locked
from asr.training.run.metrics import read_metrics
from asr.training.train import train
from tests.support.processes import run_script
from tests.support.small_training import settings_for, state_of, weights_of, write_small_corpus
from tests.support.tones import write_corpus

# Forks a child for each moment; the child kills itself there. One start of the interpreter serves all.
KILLED = """
    import os, signal, sys
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    import asr.files
    from asr.settings import load_settings
    from asr.training.run.checkpoint import Checkpoints, Progress
    from asr.training.settings import ExperimentSettings
    from asr.training.step import Stepper
    from asr.training.train import train

    def die(): os.kill(os.getpid(), signal.SIGKILL)

    def before_update(step):
        update = Stepper.update
        def patched(self, report, rate):
            if report.step == step: die()
            update(self, report, rate)
        Stepper.update = patched

    def after_update(step):
        update = Stepper.update
        def patched(self, report, rate):
            update(self, report, rate)
            if report.step == step: die()
        Stepper.update = patched

    def before_rename(step):
        flush = asr.files._flush_to_disk
        def patched(path):
            flush(path)
            if path.name.startswith(f".step-{step:08d}"): die()
        asr.files._flush_to_disk = patched

    conf, run = Path(sys.argv[1]), Path(sys.argv[2])
    settings = load_settings(ExperimentSettings, conf)
    for arm, step in [(after_update, 3), (before_update, 5), (before_rename, 10), (after_update, 13), (None, 0)]:
        child = os.fork()
        if child == 0:
            if arm: arm(step)
            train(settings, run, resume=bool(Checkpoints(run).paths()))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status) == (arm is not None), (arm, step, status)
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_corpus(tmp_path_factory.mktemp("corpus"), num_train=24, num_dev=6)


def steps_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "steps.jsonl").read_text().splitlines()]


def test_killed_at_any_step_it_goes_on_to_the_same_losses_and_weights(corpus: Path, tmp_path: Path) -> None:
    settings = settings_for(corpus, tmp_path, checkpoint_steps=2, clip_factor=1.5)
    train(settings, tmp_path / "whole")
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))
    result = run_script(script, tmp_path / "conf.yaml", tmp_path / "broken")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("resumed at epoch") == 4
    assert steps_of(tmp_path / "whole") == steps_of(tmp_path / "broken")
    assert len(steps_of(tmp_path / "whole")) > 14
    whole, broken = state_of(tmp_path / "whole"), state_of(tmp_path / "broken")
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "broken")
    keys = ("epoch", "step", "train_loss", "gradient_norm", "share_clipped", "padding_waste", "dev_loss", "dev_wer")
    curves = [
        [
            [json.loads(line)[key] for key in keys]
            for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()
        ]
        for run in ("whole", "broken")
    ]
    assert curves[0] == curves[1]


def test_when_and_how_often_the_state_is_saved_changes_nothing(corpus: Path, tmp_path: Path) -> None:
    train(settings_for(corpus, tmp_path), tmp_path / "seldom")
    train(settings_for(corpus, tmp_path, checkpoint_minutes=1e-9, keep_last=3, keep_best=2), tmp_path / "often")
    assert weights_of(tmp_path / "seldom") == weights_of(tmp_path / "often")
    assert steps_of(tmp_path / "seldom") == steps_of(tmp_path / "often")
    assert len(Checkpoints(tmp_path / "seldom").paths()) == 2
    assert len(Checkpoints(tmp_path / "often").paths()) == 3


def test_of_a_checkpoint_cut_in_half_the_one_before_is_used_and_said(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(corpus, tmp_path)
    train(settings, tmp_path / "run")
    weights = weights_of(tmp_path / "run")
    before, newest = Checkpoints(tmp_path / "run").paths()
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    capfd.readouterr()
    train(settings, tmp_path / "run", resume=True)
    said = " ".join(capfd.readouterr().err.split())
    assert f"{newest.name}: the checkpoint is damaged" in said
    assert f"resumed at epoch 3, step {int(before.stem.removeprefix('step-'))}" in said
    assert weights_of(tmp_path / "run") == weights


def test_the_best_models_are_kept_and_the_others_go(corpus: Path, tmp_path: Path) -> None:
    train(settings_for(corpus, tmp_path, keep_best=2, max_epochs=4), tmp_path / "run")
    records = read_metrics(tmp_path / "run" / "metrics.jsonl")
    ranked = sorted((record.dev_wer, record.dev_loss, record.epoch) for record in records)
    kept = sorted(path.name for path in (tmp_path / "run" / "best").iterdir())
    assert kept == sorted(f"epoch-{epoch:04d}" for _, _, epoch in ranked[:2])
    best = Recognizer.load(tmp_path / "run" / "best" / f"epoch-{ranked[0][2]:04d}").model.state_dict()
    chosen = Recognizer.load(tmp_path / "run" / "model").model.state_dict()
    assert all(torch.equal(best[name], chosen[name]) for name in best)


def test_two_processes_do_not_train_into_one_folder(corpus: Path, tmp_path: Path) -> None:
    settings = settings_for(corpus, tmp_path, max_epochs=1)
    with locked(tmp_path / "run"), pytest.raises(TrainingError, match=r"another process \(\d+\) is training into this"):
        train(settings, tmp_path / "run")
    train(settings, tmp_path / "run")


def test_steps_behind_a_half_line_are_forgotten(corpus: Path, tmp_path: Path) -> None:
    settings = settings_for(corpus, tmp_path)
    train(settings, tmp_path / "run")
    whole = steps_of(tmp_path / "run")
    Checkpoints(tmp_path / "run").paths()[-1].unlink()
    with (tmp_path / "run" / "steps.jsonl").open("a") as file:
        file.write('{"step": 99, "lo')
    train(settings, tmp_path / "run", resume=True)
    assert steps_of(tmp_path / "run") == whole


def test_a_process_that_outlives_a_training_does_not_hold_its_lock(tmp_path: Path) -> None:
    """A loader process takes some seconds to notice that its trainer was killed."""
    (tmp_path / "run").mkdir()
    context = multiprocessing.get_context("fork")
    started = context.Event()

    def outlive() -> None:
        started.set()
        time.sleep(60)

    child = context.Process(target=outlive)
    with locked(tmp_path / "run"):
        child.start()
        assert started.wait(10)
    try:
        with locked(tmp_path / "run"):
            assert child.is_alive()
    finally:
        child.terminate()
        child.join()


def test_of_a_run_killed_before_its_first_checkpoint_nothing_is_left_in_a_new_start(
    corpus: Path, tmp_path: Path
) -> None:
    settings = settings_for(corpus, tmp_path, max_epochs=1)
    train(settings, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    left = [".settings.yaml.abcdefgh.yaml", ".steps.jsonl.abc_efgh.jsonl", "checkpoints/.step-00000003.pt.abcdefgh.pt"]
    (tmp_path / "run" / "checkpoints").mkdir()
    for name in left:
        (tmp_path / "run" / name).write_text("half")
    train(settings, tmp_path / "run")
    assert steps_of(tmp_path / "run") == steps_of(tmp_path / "whole")
    assert not any((tmp_path / "run" / name).exists() for name in left)


def test_a_model_that_could_not_be_written_is_not_taken_for_that_of_an_earlier_start(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(corpus, tmp_path, max_epochs=1)
    train(settings, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    monkeypatch.setattr(Recognizer, "save", lambda *_, **__: (_ for _ in ()).throw(OutputError("the disk is full")))
    with pytest.raises(OutputError, match="the model could not be written"):
        train(settings, tmp_path / "run")


def test_a_state_of_an_older_asr_goes_on_and_it_is_said_what_is_not_known(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(corpus, tmp_path, max_epochs=1)
    train(settings, tmp_path / "run")
    path = Checkpoints(tmp_path / "run").paths()[-1]
    state = torch.load(path, weights_only=True)
    del state["sets"], state["progress"]["sums"]["layer_gradients"]
    torch.save(state, path)
    capfd.readouterr()
    train(settings, tmp_path / "run", resume=True)
    said = " ".join(capfd.readouterr().err.split())
    assert "is of an older asr: whether texts and sounds have changed since is not known" in said
    assert "resumed after epoch 1" in said


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("texts of train", lambda lines: [line.replace('"AB CD"', '"CD AB"') for line in lines]),
        ("ids of train", lambda lines: [line.replace('"train1"', '"other"') for line in lines]),
        ("sizes of sound files of train", lambda lines: swapped(lines, "train0.wav", "train1.wav")),
    ],
)
def test_what_has_changed_of_the_utterances_is_told_by_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], what: str, change: Callable[[list[str]], list[str]]
) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    manifest = write_corpus(tmp_path, "train", ["AB CD", "DC AB", "CC"], seed=1)
    longer = tmp_path / "train" / "train1.wav"
    longer.write_bytes(longer.read_bytes() + b"LIST\4\0\0\0abcd")  # as long to the ear, but not on the disk
    settings = settings_for(tmp_path, tmp_path, max_epochs=1)
    train(settings, tmp_path / "run")
    before = manifest.read_text().splitlines()
    assert change(before) != before
    manifest.write_text("".join(f"{line}\n" for line in change(before)))
    train(settings, tmp_path / "run", resume=True)
    assert f"the utterances have changed since ({what})" in " ".join(capfd.readouterr().err.split())


def swapped(lines: list[str], one: str, other: str) -> list[str]:
    return [line.replace(one, "?").replace(other, one).replace("?", other) for line in lines]


def test_utterances_that_have_changed_are_told_at_resume(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    manifest = write_corpus(tmp_path, "train", ["AABA", "B A", "BAB"], seed=1)
    settings = settings_for(tmp_path, tmp_path, max_epochs=1)
    train(settings, tmp_path / "run")
    train(settings, tmp_path / "run", resume=True)
    assert "utterances have changed" not in capfd.readouterr().err
    manifest.write_text("".join(reversed(manifest.read_text().splitlines(keepends=True))))  # other batches now
    train(settings, tmp_path / "run", resume=True)
    assert "the utterances have changed since" in " ".join(capfd.readouterr().err.split())


def test_of_a_finished_run_it_is_said_that_nothing_is_left_to_do() -> None:
    assert Progress(step=820, epoch=20).place(20) == "resumed at epoch 20, step 820"
    assert Progress(step=840, epoch=21).place(20) == (
        "resumed after epoch 20, step 840: all 20 epochs are done, nothing is left to do; a larger training.max_epochs "
        "would go on"
    )
    assert Progress(step=840, epoch=21).place(30) == "resumed at epoch 21, step 840"
