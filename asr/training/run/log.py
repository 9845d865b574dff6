"""The log of a run: a line an epoch on stderr, `metrics.jsonl`, `steps.jsonl`, `examples.jsonl`, and TensorBoard."""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from asr.errors import OutputError, TrainingError
from asr.files import append_text, write_text
from asr.scoring import UtteranceScore
from asr.training.run.metrics import EpochRecord
from asr.training.run.records import EXAMPLES, METRICS, STEPS, read_records, read_steps

_STEPS_AT_ONCE = 200  # lines of steps that are written together


class RunLog:
    """Writes the metrics of a run. A full disk costs a warning, not the training. If `silent`, it does nothing: of
    several processes only one writes.
    """

    def __init__(self, folder: Path, *, tensorboard: bool, silent: bool = False) -> None:
        self._folder = folder
        self._silent = silent
        self._steps: list[dict[str, Any]] = []
        self._records: dict[str, list[dict[str, Any]]] = {METRICS: [], EXAMPLES: []}
        self._tensorboard = _open_tensorboard(folder) if tensorboard and not silent else None
        self.console = Console(stderr=True, quiet=silent)

    def start_anew(self) -> None:
        """Remove the records of a training that was killed before its first checkpoint: this one begins at step 1."""
        for name in (METRICS, STEPS, EXAMPLES) if not self._silent else ():
            with suppress(IsADirectoryError):
                (self._folder / name).unlink(missing_ok=True)

    def keep_until(self, epoch: int, step: int) -> list[EpochRecord]:
        """Keep the records of a resumed run up to `epoch` and `step`, which will do the later ones again. Returns those
        of the epochs. Lines are kept as they are, whatever version of asr wrote them.

        Raises:
            TrainingError: a file is broken; names the line, or the epoch.
        """
        if self._silent:
            return []
        for name in self._records:
            if (path := self._folder / name).exists():
                self._records[name] = [record for record in read_records(path) if record["epoch"] <= epoch]
        if (path := self._folder / STEPS).exists():
            kept = "".join(json.dumps(record) + "\n" for record in read_steps(path) if record["step"] <= step)
            write_text(path, kept)
        return [EpochRecord.from_json(values, self._folder / METRICS) for values in self._records[METRICS]]

    def epoch(self, record: EpochRecord) -> None:
        """One line of metrics for an epoch."""
        values = record.to_json()
        self._append(METRICS, [values])
        if self._tensorboard is not None:
            for key, value in values.items():
                if isinstance(value, int | float):
                    self._tensorboard.add_scalar(key, value, record.step)
            self._tensorboard.flush()

    def step(self, record: dict[str, Any]) -> None:
        """One line for a step; many are written at once, since a run has a million."""
        self._steps.append(record)
        if len(self._steps) % _STEPS_AT_ONCE == 0:
            self.flush()

    def flush(self) -> None:
        """Append the lines of the steps so far to the file."""
        if self._silent or not self._steps:
            self._steps = []
            return
        path = self._folder / STEPS
        try:
            append_text(path, "".join(json.dumps(record) + "\n" for record in self._steps))
            self._steps = []
        except OutputError as error:
            self.warn(f"{error}; the lines are kept and written later")

    def examples(self, epoch: int, utterances: Sequence[UtteranceScore]) -> None:
        """Reference and hypothesis of some utterances, the same ones each time, after an epoch that was a new best."""
        self._append(
            EXAMPLES,
            [{"epoch": epoch, "id": u.id, "reference": u.reference, "hypothesis": u.hypothesis} for u in utterances],
        )

    def _append(self, name: str, records: list[dict[str, Any]]) -> None:
        """The file is rewritten each time, so that it never holds half a line."""
        self._records[name] += records
        if self._silent:
            return
        try:
            write_text(self._folder / name, "".join(json.dumps(record) + "\n" for record in self._records[name]))
        except OutputError as error:
            self.warn(f"{error}; the next epoch tries again")

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        self.console.print(f"warning: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    def bar(self, *, disable: bool = False) -> Progress:
        """A progress bar on stderr, drawn only on a terminal."""
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=disable or self._silent or not sys.stderr.isatty(),
        )


def _open_tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise TrainingError(
            "training.tensorboard is set, but tensorboard is not installed: pip install 'recurrent-asr[tensorboard]'"
        ) from None
    return SummaryWriter(str(folder / "tensorboard"))
