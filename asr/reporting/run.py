"""Reading a run folder. Only the metrics are required: what an older or unfinished run lacks is None or empty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from asr.errors import TrainingError
from asr.files import MAX_SIDE_BYTES, parse_json, read_bytes
from asr.reporting.examples import Heard, read_examples, read_listing
from asr.scoring import UtteranceScore
from asr.settings import WordLoader, flatten
from asr.training.run.environment import ENVIRONMENT, read_environment
from asr.training.run.metrics import EpochRecord, best_epoch, read_metrics
from asr.training.run.records import EXAMPLES, METRICS

SCORES = ("dev", "test", "dev_lm", "test_lm")  # files that a recipe adds when the training is done
LARGEST = 1e300  # the largest number that can be drawn


@dataclass(frozen=True, slots=True)
class Run:
    """The contents of a run folder.

    `metrics`: the epochs, in order. `scores`: by the names of `SCORES`, as `Score.to_json` writes them.
    `examples`: by epoch, hypotheses of some dev utterances. `dev_predictions`: those of all of dev. `environment`: a
    record for each start. `settings`: by section and key, as in the file.
    """

    name: str
    metrics: Sequence[EpochRecord]
    scores: dict[str, dict[str, float]]
    examples: dict[int, list[Heard]]
    dev_predictions: list[UtteranceScore]
    environment: list[dict[str, Any]]
    settings: dict[str, dict[str, str]]

    @property
    def epochs(self) -> list[int]:
        return [record.epoch for record in self.metrics]

    @property
    def best(self) -> EpochRecord | None:
        """The epoch that training keeps; None if no WER was logged."""
        return best_epoch(self.metrics)


def read_run(folder: Path) -> Run:
    """Read a run folder; only text files are loaded.

    Raises:
        TrainingError: it is no run folder, no epoch was finished, or a file is broken; names file and line.
        ScoringError: a listing of predictions is broken.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder}: no such folder; give the folder that `asr train` wrote")
    if not (folder / METRICS).exists():
        raise TrainingError(f"{folder}: not a run folder, it has no {METRICS}; give the folder that `asr train` wrote")
    metrics = read_metrics(folder / METRICS)
    if not metrics:
        raise TrainingError(f"{folder / METRICS}: is empty; wait until the first epoch is done")
    score_paths = {name: folder / f"{name}.json" for name in SCORES}
    return Run(
        name=folder.resolve().name,
        metrics=[_drawable(record) for record in metrics],
        scores={name: _read_score(path) for name, path in score_paths.items() if path.exists()},
        examples=read_examples(folder / EXAMPLES) if (folder / EXAMPLES).exists() else {},
        dev_predictions=read_listing(folder / "dev.txt") if (folder / "dev.txt").exists() else [],
        environment=read_environment(folder / ENVIRONMENT) if (folder / ENVIRONMENT).exists() else [],
        settings=_read_settings(folder / "settings.yaml") if (folder / "settings.yaml").exists() else {},
    )


def _drawable(record: EpochRecord) -> EpochRecord:
    """NaN for numbers that are infinite, or too large for a picture."""
    values: dict[str, Any] = {one.name: getattr(record, one.name) for one in fields(record)}
    too_large = {name: math.nan for name, value in values.items() if isinstance(value, float) and abs(value) > LARGEST}
    return EpochRecord(**{**values, **too_large})


def _read_score(path: Path) -> dict[str, float]:
    keys = ("wer", "cer", "wer_low", "wer_high", "num_words", "substitutions", "deletions", "insertions")
    try:
        score = parse_json(read_bytes(path, TrainingError, max_bytes=16 * MAX_SIDE_BYTES))  # it has the utterances
        return {key: float(score[key]) for key in keys}
    except (ValueError, KeyError, TypeError):
        raise TrainingError(f"{path}: not a score; expected what `asr evaluate --json` prints") from None


def _read_settings(path: Path) -> dict[str, dict[str, str]]:
    """By section, the words of the file: settings of another version of asr can be shown as well."""
    try:
        values = yaml.load(bytes(read_bytes(path, TrainingError, max_bytes=MAX_SIDE_BYTES)), Loader=WordLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise TrainingError(f"{path}: not YAML; expected the settings that `asr train` wrote") from None
    if not isinstance(values, dict) or not all(isinstance(section, dict) for section in values.values()):
        raise TrainingError(f"{path}: expected sections of settings, as `asr train` wrote them")
    return {
        str(name): {
            key: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            for key, value in flatten(section).items()
        }
        for name, section in values.items()
    }
