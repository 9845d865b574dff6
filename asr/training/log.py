"""What a run tells: a line an epoch on stderr, `metrics.jsonl` always, TensorBoard if asked for."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from asr.errors import OutputError, TrainingError
from asr.files import write_text


class RunLog:
    """Writes the metrics of a run. A full disk costs a warning, not the training."""

    def __init__(self, folder: Path, *, tensorboard: bool) -> None:
        self._path = folder / "metrics.jsonl"
        self._records: list[dict[str, Any]] = []
        self._tensorboard = _open_tensorboard(folder) if tensorboard else None
        self.console = Console(stderr=True)

    def keep_until(self, epoch: int) -> None:
        """Take over the metrics of a resumed run up to `epoch`; it does the later ones again."""
        if self._path.exists():
            self._records = [record for record in read_metrics(self._path) if record["epoch"] <= epoch]

    def epoch(self, record: dict[str, Any]) -> None:
        """One line of metrics for an epoch. The file is written anew each time, so that no half line is ever in it."""
        self._records.append(record)
        try:
            write_text(self._path, "".join(json.dumps(line) + "\n" for line in self._records))
        except OutputError as error:
            self.warn(f"{error}; the next epoch tries again")
        if self._tensorboard is not None:
            for key, value in record.items():
                if isinstance(value, int | float):
                    self._tensorboard.add_scalar(key, value, record["step"])
            self._tensorboard.flush()

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        self.console.print(f"warning: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    def bar(self, *, disable: bool = False) -> Progress:
        """A progress bar on stderr, drawn only where a person watches."""
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=disable or not sys.stderr.isatty(),
        )


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a `metrics.jsonl`, in order.

    Raises:
        TrainingError: the file is missing or broken.
    """
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: not a metrics file: {error}") from None


def _open_tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise TrainingError(
            "training.tensorboard is set, but tensorboard is not installed: pip install 'recurrent-asr[tensorboard]'"
        ) from None
    return SummaryWriter(str(folder / "tensorboard"))
