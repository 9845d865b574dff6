"""The processes that load batches beside a training: how they handle signals, and the error when one is killed."""

import multiprocessing
import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, Dataset

from asr.audio import tell_once
from asr.corpus.collate import Batch, collate_or_error
from asr.corpus.waveforms import Request, Waveforms
from asr.errors import AudioError, TrainingError


def load_batches(dataset: Waveforms, requests: Iterable[list[Request]], *, num_workers: int) -> Iterator[Batch]:
    """A batch for each list of requests, loaded by `num_workers` processes; lists are drawn shortly before their turn.

    Raises:
        AudioError: a sound file cannot be used.
        TrainingError: a loading process was killed.
    """
    loader = DataLoader(
        cast("Dataset[Any]", dataset),
        batch_sampler=requests,
        collate_fn=collate_or_error,
        num_workers=num_workers,
        worker_init_fn=_prepare_worker,
        pin_memory=torch.cuda.is_available(),
    )
    for batch, doubts in _watched(loader):
        for doubt in doubts:
            tell_once(doubt)
        if isinstance(batch, AudioError):
            raise batch
        yield batch


def _watched(loader: DataLoader[Any]) -> Iterator[Any]:
    """The batches of a loader. If one of its processes was killed, the error is raised between two batches: PyTorch's
    own handler of SIGCHLD would raise it in the middle of a step.

    Raises:
        TrainingError: a process was killed.
    """
    before, handler = multiprocessing.active_children(), signal.getsignal(signal.SIGCHLD)
    batches = iter(loader)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, handler)
    workers = [child for child in multiprocessing.active_children() if child not in before]
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except RuntimeError:
            killed = [worker.exitcode for worker in workers if worker.exitcode]
            if not killed:
                raise
            raise TrainingError(_killed(killed[0])) from None
        yield batch


def _prepare_worker(worker: int) -> None:
    """Called in each process before it loads anything."""
    torch.set_num_threads(1)  # more threads would only compete with the trainer's for the cores
    # The trainer handles both: a terminal, `timeout` or a batch system sends them to all its processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _let_one_pass)


def _let_one_pass(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)


def _killed(exitcode: int) -> str:
    how = signal.Signals(-exitcode).name if exitcode < 0 else f"exit code {exitcode}"
    why = {"SIGKILL": ", most likely because the memory was full", "SIGBUS": ", most likely because /dev/shm was full"}
    return (
        f"a process that loads sounds was ended ({how}{why.get(how, '')}): free some memory, "
        "or give fewer training.num_workers"
    )
