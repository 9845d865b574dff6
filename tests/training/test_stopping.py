"""A training that is asked to stop, or has to, leaves its whole state: in one process and in several."""

import os
import signal
import textwrap
from pathlib import Path

import pytest

from asr.training.diagnosis.replay import load_incident
from asr.training.interrupt import StopRequest
from asr.training.run.checkpoint import Checkpoints
from asr.training.train import train
from tests.support.processes import Program, run_script, torchrun
from tests.support.small_training import settings_for, weights_of, write_conf, write_small_corpus

# Slow steps, and a save that takes longer than `torchrun` needs to see that a process has ended.
SCRIPT = """
    import os, signal, sys, time
    from asr.training.run.checkpoint import Checkpoints
    from asr.training.step import Stepper

    rank, mode = int(os.environ.get("RANK", "0")), os.environ["MODE"]
    gradients, update, save = Stepper.gradients, Stepper.update, Checkpoints.save

    def broken_gradients(self, batch, step, **options):
        if mode == "nan" and rank == 1 and step in (2, 4):
            batch.waveforms[0, 50] = float("nan")
        return gradients(self, batch, step, **options)

    def noted_update(self, report, rate):
        update(self, report, rate)
        if mode == "slow": time.sleep(0.3)
        if mode == "slow" and report.step == 1: print("under way", flush=True)
        if mode == "stop" and rank == 1 and report.step == 1: os.kill(os.getpid(), signal.SIGINT)

    def slow_save(self, step, state):
        if mode in ("stop", "nan"): time.sleep(3 if step > 3 else 0)
        save(self, step, state)

    Stepper.gradients, Stepper.update, Checkpoints.save = broken_gradients, noted_update, slow_save
    from asr.cli import main
    main()
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return path


def last_step(run: Path) -> str:
    return Checkpoints(run).paths()[-1].name


def test_a_request_to_stop_that_reaches_the_loader_too_leaves_the_state(
    corpus: Path, tmp_path: Path, script: Path
) -> None:
    """`timeout` and batch systems send SIGTERM to all processes of a training."""
    conf = write_conf(corpus, tmp_path / "conf.yaml", num_workers=1, batch_seconds=2.5)
    training = Program(script, "train", conf, "--run", tmp_path / "run", environment={"MODE": "slow"})
    training.wait_for("under way\n")
    os.killpg(training.pid, signal.SIGTERM)
    said = training.finish().stderr
    assert "the state is saved" in said, said
    assert Checkpoints(tmp_path / "run").paths()


# One of the loading processes kills itself, as the system does when the memory is full.
STARVED = """
    import os, signal, sys
    from asr.corpus.waveforms import Waveforms
    load, main_process, mark = Waveforms.__getitem__, os.getpid(), sys.argv[1]
    def starved(self, request):
        if os.getpid() != main_process and request.epoch == 2 and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return load(self, request)
    Waveforms.__getitem__ = starved
    from asr.cli import main
    sys.argv = ["asr", *sys.argv[2:]]
    main()
"""


def test_a_loading_process_that_is_killed_leaves_the_state_and_a_word_on_what_to_do(
    corpus: Path, tmp_path: Path
) -> None:
    train(settings_for(corpus, tmp_path, batch_seconds=2.5), tmp_path / "whole")
    conf = write_conf(corpus, tmp_path / "workers.yaml", num_workers=2, batch_seconds=2.5)
    script = tmp_path / "starved.py"
    script.write_text(textwrap.dedent(STARVED))
    result = run_script(script, tmp_path / "mark", "train", conf, "--run", tmp_path / "run")
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    said = result.stderr.splitlines()[-1]
    assert said == (
        "asr: a process that loads sounds was ended (SIGKILL, most likely because the memory was full): free some "
        "memory, or give fewer training.num_workers; the state is saved: mend this, then go on with --resume"
    )
    train(settings_for(corpus, tmp_path, batch_seconds=2.5), tmp_path / "run", resume=True)
    assert weights_of(tmp_path / "run") == weights_of(tmp_path / "whole")
    assert (tmp_path / "run" / "steps.jsonl").read_text() == (tmp_path / "whole" / "steps.jsonl").read_text()


def test_one_process_that_a_launcher_has_started_heeds_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    with StopRequest() as request:
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.asked


@pytest.mark.parametrize("every", [None, 1])
def test_several_processes_stop_after_the_same_step_and_wait_for_the_state(
    corpus: Path, tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch, every: int | None
) -> None:
    conf = write_conf(corpus, tmp_path / "conf.yaml", batch_seconds=2.5, max_epochs=2, checkpoint_steps=every)
    monkeypatch.setenv("MODE", "stop")  # the second process is asked
    result = torchrun(2, script, "train", conf, "--run", tmp_path / "run")
    assert result.returncode != 0
    assert "interrupted; the state is saved" in result.stderr
    assert last_step(tmp_path / "run") == "step-00000004.pt"  # all read of it when the third step is done, or saved
    assert "lost the others" not in result.stderr


def test_several_processes_leave_out_the_same_steps_and_give_up_together(
    corpus: Path, tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = write_conf(corpus, tmp_path / "conf.yaml", batch_seconds=2.5, max_skipped=1)
    monkeypatch.setenv("MODE", "nan")  # the second process has sounds that are not finite, in two steps
    result = torchrun(2, script, "train", conf, "--run", tmp_path / "run")
    assert result.returncode != 0
    assert "step 3: loss or gradient is not finite" in result.stderr
    assert "More than training.max_skipped (1) such steps" in result.stderr
    assert "lost the others" not in result.stderr
    names = sorted(path.name for path in (tmp_path / "run" / "incidents").iterdir())
    assert names == [f"step-0000000{step}{rank}.pt" for step in (3, 5) for rank in ("-rank1", "")]
    assert load_incident(tmp_path / "run" / "incidents" / "step-00000003-rank1.pt").rank == 1
    assert last_step(tmp_path / "run") in ("step-00000005.pt", "step-00000006.pt")


def test_the_clock_of_the_first_process_says_when_all_save(
    corpus: Path, tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = write_conf(
        corpus, tmp_path / "conf.yaml", batch_seconds=2.5, max_epochs=1, checkpoint_minutes=1e-9, keep_last=100
    )
    monkeypatch.setenv("MODE", "none")
    result = torchrun(2, script, "train", conf, "--run", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [str(tmp_path / "run" / "model")]  # of the first process only
    steps = [int(path.stem.removeprefix("step-")) for path in Checkpoints(tmp_path / "run").paths()]
    assert len(steps) >= 3  # asked for in each step; read of a step later, or when the state is saved
    assert steps[0] == 2
