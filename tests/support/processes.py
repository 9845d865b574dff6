"""Programs in processes of their own, several that train together among them, at a tenth of the cost of starting them.

What takes a second of the processor or five in a new process is the import of torch and of `asr`. Here one process has
done that, and each program is a fork of it: with its own arguments, environment, signals and exit status.
"""

import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

_SECONDS = 200  # until a program is taken for one that hangs
# The last is what PyTorch imports when the first optimizer is made.
_IMPORTED = ["asr.cli.train", "asr.training.train", "torch.distributed.launcher.api", "torch._dynamo"]


class Training(NamedTuple):
    """A training of `num_processes` that share its batches."""

    num_processes: int
    conf: Path
    run: Path
    resume: bool = False


class Program:
    """A Python script that runs in a session of its own, as `python script arguments`."""

    def __init__(self, script: Path, *arguments: object, environment: Mapping[str, str] | None = None) -> None:
        words = [str(script), *map(str, arguments)]
        self._forked = _Forked(_run_script, words, {**os.environ, **(environment or {})})

    @property
    def pid(self) -> int:
        """Its number, which is that of its group too."""
        return self._forked.pid

    def wait_for(self, text: str) -> None:
        """Until it has written `text` to stdout."""
        deadline = time.monotonic() + _SECONDS
        while text not in self._forked.stdout.read_text():
            assert time.monotonic() < deadline, self._forked.stderr.read_text()
            time.sleep(0.01)

    def finish(self) -> subprocess.CompletedProcess[str]:
        """What it leaves, once it has ended."""
        return self._forked.finish()


def run_script(
    script: Path, *arguments: object, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What a Python script leaves."""
    return Program(script, *arguments, environment=environment).finish()


def torchrun(num_processes: int, script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The script in so many processes, under PyTorch's launcher: it ends the others as soon as one has failed."""
    words = [str(script), *map(str, arguments)]
    return _Forked(_launch, num_processes, words, dict(os.environ)).finish()


def torchrun_command(num_processes: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command `torchrun` itself, and so many new processes, each of which imports torch and `asr`."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_processes}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command += map(str, arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment)


def train_together(trainings: Sequence[Training]) -> subprocess.CompletedProcess[str]:
    """One training after the other, each in processes that find each other as those of `torchrun` do."""
    return _Forked(_train_all, trainings).finish()


@cache
def _context() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


class _Forked:
    """A call of a function of this module in a fork of the process that has imported all."""

    def __init__(self, function: Callable[..., None], *arguments: object) -> None:
        folder = Path(mkdtemp(prefix="asr-test-"))
        self.stdout, self.stderr = folder / "stdout", folder / "stderr"
        for path in (self.stdout, self.stderr):
            path.touch()
        self._process = _context().Process(target=_in_session, args=(folder, function, *arguments))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def finish(self) -> subprocess.CompletedProcess[str]:
        self._process.join(_SECONDS)
        code = self._process.exitcode
        if code is None:
            os.killpg(self.pid, signal.SIGKILL)
        out, err = self.stdout.read_text(), self.stderr.read_text()
        assert code is not None, f"it did not end within {_SECONDS} seconds: {out}{err}"
        return subprocess.CompletedProcess([], code, out, err)


# What follows runs in the forks.


def _in_session(folder: Path, function: Callable[..., None], *arguments: object) -> None:
    import torch

    os.setsid()
    multiprocessing.set_start_method("fork", force=True)  # as in a new process: it is inherited
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_APPEND), number)
    torch.set_num_threads(1)
    function(*arguments)


def _run_script(words: Sequence[str], environment: Mapping[str, str]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # a launcher has handlers of its own
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.environ.update(environment)
    sys.argv = list(words)
    status: str | int | None = None
    try:
        runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        status = end.code
    sys.exit(status)  # what the script held until then is free, as at the end of a process


def _launch(num_processes: int, words: Sequence[str], environment: Mapping[str, str]) -> None:
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ.update(environment)
    config = LaunchConfig(  # as `torchrun --standalone` has it, but for the forks
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=num_processes,
        run_id=str(uuid.uuid4()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
        start_method="fork",
    )
    elastic_launch(config, _run_script)(words, {})


def _train_all(trainings: Sequence[Training]) -> None:
    for training in trainings:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        context = multiprocessing.get_context("fork")
        ranks = [context.Process(target=_train, args=(training, rank, port)) for rank in range(training.num_processes)]
        for rank in ranks:
            rank.start()
        for rank in ranks:
            rank.join()
        assert not any(rank.exitcode for rank in ranks), training


def _train(training: Training, rank: int, port: int) -> None:
    from asr.settings import load_settings
    from asr.training.settings import ExperimentSettings
    from asr.training.train import train

    values = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": training.num_processes, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in values.items()} | {"MASTER_ADDR": "127.0.0.1"})
    train(load_settings(ExperimentSettings, training.conf), training.run, resume=training.resume)
