"""Distributed data parallel training (DDP): several processes, on one machine or many, each with its share of a batch.

`torchrun` starts them; environment variables give each its rank (RANK, WORLD_SIZE, LOCAL_RANK) and the address where
they meet. Without it there is one process, and nothing here does anything.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from asr.errors import TrainingError

_TIMEOUT = timedelta(minutes=30)  # validation on one process may take a while; a process that died is noticed at once
T = TypeVar("T")
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class World:
    """The processes of a training: `rank` is the number of this one, 0 to `size` - 1."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """The first process writes the files and the messages."""
        return self.rank == 0

    def device(self) -> torch.device:
        """The GPU of this process, if there are GPUs.

        Raises:
            TrainingError: the machine has fewer GPUs than processes.
        """
        if not torch.cuda.is_available():
            return torch.device("cpu")
        if self.local_rank >= (count := torch.cuda.device_count()):
            raise TrainingError(
                f"process {self.rank} has no GPU: this machine has {count}; give torchrun --nproc-per-node {count}"
            )
        torch.cuda.set_device(self.local_rank)
        return torch.device("cuda", self.local_rank)

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of the tensors of all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in the order of their ranks, on each of them."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def broadcast(self, value: T) -> T:
        """The value of the first process, on all of them."""
        if self.size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def barrier(self) -> None:
        """Wait for all processes: the first may still be writing, and `torchrun` ends it if another fails."""
        self.gather(None)

    def parallel(self, module: Module) -> Module | nn.parallel.DistributedDataParallel:
        """The module, wrapped so that gradients are averaged over the processes during the backward pass."""
        return nn.parallel.DistributedDataParallel(module, broadcast_buffers=False) if self.size > 1 else module


@contextmanager
def joined_world() -> Iterator[World]:
    """The processes that `torchrun` has started, connected; or this one alone.

    Raises:
        TrainingError: they cannot be connected, or one of the others has ended.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    world = World(int(os.environ["RANK"]), size, int(os.environ.get("LOCAL_RANK", "0")))
    device = world.device()
    try:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_TIMEOUT)
        yield world
        distributed.barrier()  # the first to leave would close connections that the others still use
    except (distributed.DistError, RuntimeError) as error:
        if not _is_lost_connection(error):
            raise
        raise TrainingError(
            f"process {world.rank} of {size} lost the others: one of them has ended (see its message above), "
            "or the network between the machines broke"
        ) from None
    finally:
        gc.collect()  # modules that hold the connections would close them during Python's shutdown
        if distributed.is_initialized() and device.type == "cpu":  # NCCL would wait here for a dead process
            distributed.destroy_process_group()


def _is_lost_connection(error: BaseException) -> bool:
    if isinstance(error, distributed.DistError):
        return True
    text = str(error).lower()
    return any(sign in text for sign in ("connection closed", "connection reset", "broken pipe", "nccl", "timed out"))
