"""What a run tells: a line an epoch on stderr, `metrics.jsonl`, `steps.jsonl`, `examples.jsonl`, and TensorBoard."""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from asr.errors import OutputError, TrainingError
from asr.files import append_text, parse_json, read_bytes, read_lines, write_text
from asr.scoring import UtteranceScore

METRICS, STEPS, EXAMPLES = "metrics.jsonl", "steps.jsonl", "examples.jsonl"
_STEPS_AT_ONCE = 200  # lines of steps that wait until they are written


class RunLog:
    """Writes the metrics of a run. A full disk costs a warning, not the training. If `silent`, does nothing: of several
    processes that train together one speaks.
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

    def keep_until(self, epoch: int, step: int) -> list[dict[str, Any]]:
        """Take over the records of a resumed run up to `epoch` and `step`; it does the later ones again. Returns the
        metrics of the epochs.
        """
        if self._silent:
            return []
        for name in self._records:
            if (path := self._folder / name).exists():
                self._records[name] = [record for record in read_metrics(path) if record["epoch"] <= epoch]
        if (path := self._folder / STEPS).exists():
            kept = "".join(json.dumps(record) + "\n" for record in read_steps(path) if record["step"] <= step)
            write_text(path, kept)
        return list(self._records[METRICS])

    def epoch(self, record: dict[str, Any]) -> None:
        """One line of metrics for an epoch."""
        self._append(METRICS, [record])
        if self._tensorboard is not None:
            for key, value in record.items():
                if isinstance(value, int | float):
                    self._tensorboard.add_scalar(key, value, record["step"])
            self._tensorboard.flush()

    def step(self, record: dict[str, Any]) -> None:
        """One line for a step; written with many others at once, for a run has a million."""
        self._steps.append(record)
        if len(self._steps) % _STEPS_AT_ONCE == 0:
            self.flush()

    def flush(self) -> None:
        """Write the lines of the steps so far behind those that are in the file."""
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
        """What was said and heard in some utterances: the same ones each time, after an epoch that was better."""
        self._append(
            EXAMPLES,
            [{"epoch": epoch, "id": u.id, "reference": u.reference, "hypothesis": u.hypothesis} for u in utterances],
        )

    def _append(self, name: str, records: list[dict[str, Any]]) -> None:
        """The file is written anew each time, so that no half line is ever in it."""
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
        """A progress bar on stderr, drawn only where a person watches."""
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


def read_steps(path: Path) -> list[dict[str, Any]]:
    """The records of a `steps.jsonl`, up to the half line that a killed training may have left at its end."""
    records: list[dict[str, Any]] = []
    for line in read_bytes(path, TrainingError).split(b"\n"):
        try:
            record = parse_json(line)
        except ValueError:
            break
        if not isinstance(record, dict) or not isinstance(record.get("step"), int):
            break
        records.append(record)
    return records


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a `metrics.jsonl` or an `examples.jsonl`, in order; each has an `epoch`, 1 or more.

    Raises:
        TrainingError: the file is missing or broken; names the line.
    """
    lines = enumerate(read_lines(path, TrainingError), start=1)
    return [_parse(line, f"{path}, line {number}") for number, line in lines if line.strip()]


def _parse(line: str, where: str) -> dict[str, Any]:
    try:
        record = parse_json(line)
    except ValueError:
        raise TrainingError(f"{where}: not JSON; expected one JSON object a line, as `asr train` writes it") from None
    if not isinstance(record, dict):
        raise TrainingError(f"{where}: expected a JSON object, found {type(record).__name__}")
    epoch = record.get("epoch")
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 1 <= epoch < 2**31:
        raise TrainingError(f'{where}: expected "epoch", a whole number from 1, found {epoch!r}')
    return record


def _open_tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise TrainingError(
            "training.tensorboard is set, but tensorboard is not installed: pip install 'recurrent-asr[tensorboard]'"
        ) from None
    return SummaryWriter(str(folder / "tensorboard"))
