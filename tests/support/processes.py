"""Several processes that train together: as `torchrun` starts them, and at a tenth of its cost."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


class Training(NamedTuple):
    """A training of `num_processes` that share its batches."""

    num_processes: int
    conf: Path
    run: Path
    resume: bool = False


def torchrun(num_processes: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The launcher and so many processes, each of which imports torch and `asr`: that is most of the time."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_processes}"]
    return _finished([*command, *map(str, arguments)])


def train_together(trainings: Sequence[Training]) -> subprocess.CompletedProcess[str]:
    """One training after the other, in processes that are forked from one which has imported torch for all of them.

    They find each other as those of `torchrun` do, by the same variables of the environment.
    """
    jobs = json.dumps(trainings, default=str)
    return _finished([sys.executable, "-c", "from tests.support.processes import _serve; _serve()", jobs])


def _finished(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **_ENVIRONMENT}
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, env=environment)


def _serve() -> None:
    import torch

    import asr.training.train  # noqa: F401 (so that no fork has to import it)

    torch.set_num_threads(1)
    for job in json.loads(sys.argv[1]):
        training = Training(job[0], Path(job[1]), Path(job[2]), job[3])
        children = [_fork(training, rank, port) for port in [_free_port()] for rank in range(training.num_processes)]
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert not any(statuses), (training, statuses)


def _fork(training: Training, rank: int, port: int) -> int:
    """The child's number."""
    if child := os.fork():
        return child
    from asr.settings import load_settings
    from asr.training.settings import ExperimentSettings
    from asr.training.train import train

    values: dict[str, Any] = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": training.num_processes}
    values |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in values.items()})
    try:
        train(load_settings(ExperimentSettings, training.conf), training.run, resume=training.resume)
    except BaseException as error:
        print(f"process {rank}: {error!r}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
