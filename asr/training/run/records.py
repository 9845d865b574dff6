"""Reading the files of a run that have a JSON object a line."""

from pathlib import Path
from typing import Any

from asr.errors import TrainingError
from asr.files import parse_json, parse_object, read_bytes, read_lines

METRICS, STEPS, EXAMPLES = "metrics.jsonl", "steps.jsonl", "examples.jsonl"


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


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a `metrics.jsonl` or an `examples.jsonl`, in order; each has an `epoch`, 1 or more.

    Raises:
        TrainingError: the file is missing or broken; names the line.
    """
    lines = enumerate(read_lines(path, TrainingError), start=1)
    return [_parse(line, f"{path}, line {number}") for number, line in lines if line.strip()]


def _parse(line: str, where: str) -> dict[str, Any]:
    record = parse_object(line, where, TrainingError)
    epoch = record.get("epoch")
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 1 <= epoch < 2**31:
        raise TrainingError(f'{where}: expected "epoch", a whole number from 1, found {epoch!r}')
    return record
