"""Training state on disk: what a stopped run needs to go on. Not a model; that is `recognizer.py`."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from asr.errors import TrainingError
from asr.files import atomic_path


@dataclass(slots=True)
class Progress:
    """Where a run stands: optimiser steps done, current epoch, batches done in it, and the best on dev so far."""

    step: int = 0
    epoch: int = 1
    batch: int = 0
    best_wer: float = float("inf")
    best_loss: float = float("inf")
    best_epoch: int = 0
    seconds: float = 0.0


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the state, whole or not at all.

    Raises:
        OutputError: the disk is full, or the folder can not be written; the checkpoint before is untouched.
    """
    buffer = io.BytesIO()  # torch hides the reason when a write fails; our own write tells it
    torch.save(state, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a state; only tensors and plain values are ever unpickled.

    Raises:
        TrainingError: there is none, or it is damaged.
    """
    if not path.is_file():
        raise TrainingError(f"{path}: no checkpoint to resume from; start the training without --resume")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TrainingError(
            f"{path}: the checkpoint is damaged ({type(error).__name__}); start without --resume"
        ) from None
    return state
