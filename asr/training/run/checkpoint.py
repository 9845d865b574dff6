"""Checkpoints: the state that a stopped run needs to go on. Not a model; that is `model_folder.py`."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from asr.errors import TrainingError
from asr.files import atomic_path, remove_leftovers


def load_whole(path: Path) -> dict[str, Any]:
    """Load a file written by `torch.save`, to the CPU. Only plain values and tensors are ever unpickled.

    The file is a zip archive with a CRC-32 of each member, which `torch.load` does not check.

    Raises:
        TrainingError: a checksum is wrong; the message has no path.
        Exception: one of the many kinds that zipfile and torch raise for other files.
    """
    with zipfile.ZipFile(path) as archive:
        if (member := archive.testzip()) is not None:
            raise TrainingError(f"its checksum is wrong, in {member}")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


@dataclass(slots=True)
class EpochSums:
    """Sums over the steps of the current epoch so far, for its line of metrics; seconds of sound and of padding are
    summed over all processes.
    """

    num_steps: int = 0
    num_skipped: int = 0  # steps without an update, because the loss or the gradient was not finite
    num_clipped: int = 0
    loss: float = 0.0
    gradient_norm: float = 0.0
    audio_seconds: float = 0.0
    padded_seconds: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0
    layer_gradients: dict[str, float] = field(default_factory=dict)  # norms in the last step before the state was saved

    def add_step(self, loss: float, gradient_norm: float, limit: float) -> None:
        """A step that was taken."""
        self.num_steps += 1
        self.loss += loss
        self.gradient_norm += gradient_norm
        self.num_clipped += gradient_norm > limit

    def add_sound(self, audio_seconds: float, padded_seconds: float) -> None:
        """Of a step, whether it was taken or left out."""
        self.audio_seconds += audio_seconds
        self.padded_seconds += padded_seconds


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
    num_skipped: int = 0
    kept: list[tuple[float, float, int]] = field(default_factory=list)  # WER, loss and epoch of the models in best/
    sums: EpochSums = field(default_factory=EpochSums)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def place(self, max_epochs: int) -> str:
        """For people, where a resumed run goes on, or that nothing is left to do."""
        if self.epoch > max_epochs:
            done = f"resumed after epoch {self.epoch - 1}, step {self.step}: all {max_epochs} epochs are done"
            return f"{done}, nothing is left to do; a larger training.max_epochs would go on"
        return f"resumed at epoch {self.epoch}, step {self.step}"

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Progress":
        kept = [(float(wer), float(loss), int(epoch)) for wer, loss, epoch in values["kept"]]
        return cls(**{**values, "kept": kept, "sums": EpochSums(**values["sums"])})


class Checkpoints:
    """The saved states of a run, `checkpoints/step-00000123.pt`, of which the last few are kept."""

    def __init__(self, run: Path, *, keep: int = 2) -> None:
        self._folder = run / "checkpoints"
        self._keep = keep

    def paths(self) -> list[Path]:
        """Oldest first."""
        return sorted(self._folder.glob("step-*.pt"))

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step`, whole or not at all, then remove the oldest.

        Raises:
            OutputError: the disk is full, or the folder cannot be written; the checkpoints before are untouched.
        """
        buffer = io.BytesIO()  # torch hides why a write failed; our own write reports it
        torch.save(state, buffer)
        saved = self._folder / f"step-{step:08d}.pt"
        with atomic_path(saved) as temporary:
            temporary.write_bytes(buffer.getbuffer())
        before = [path for path in self.paths() if path < saved]
        after = [path for path in self.paths() if path > saved]  # damaged, or `load` would have taken one of them
        for path in [*before[: max(0, len(before) + 1 - self._keep)], *after]:
            path.unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Remove half-written checkpoints of killed trainings; the caller has to hold the run's lock."""
        remove_leftovers(self._folder, "step-*.pt")

    def load(self, warn: Callable[[str], None]) -> tuple[Path, dict[str, Any]]:
        """The newest undamaged state; `warn` is called for each damaged one. Only plain values are ever unpickled.

        Raises:
            TrainingError: there is no checkpoint, or all are damaged.
        """
        paths = self.paths()
        if not paths:
            raise TrainingError(f"{self._folder}: no checkpoint to resume from; start the training without --resume")
        for path in reversed(paths):
            try:
                return path, load_whole(path)
            except Exception as error:  # torch raises many kinds for a damaged file
                reason = str(error) if isinstance(error, TrainingError) else type(error).__name__
                warn(f"{path}: the checkpoint is damaged ({reason}); trying the one before")
        raise TrainingError(
            f"{self._folder}: all checkpoints are damaged; remove the folder and start without --resume"
        )
