"""The record of an epoch: measured after it, a line of `metrics.jsonl`, and read again for the report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from asr.errors import TrainingError
from asr.evaluation import Evaluation
from asr.model import AcousticModel
from asr.scoring import UtteranceScore
from asr.training.diagnosis.layer_norms import LayerNorms, gradient_norms, layer_norms
from asr.training.distributed import World
from asr.training.run.checkpoint import Progress
from asr.training.run.environment import peak_memory_mb
from asr.training.run.records import read_records


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """An epoch of a training, over all processes. Numbers that an older asr did not log are NaN, or 0 for counts.

    Means over the steps that were not left out: `train_loss` per token, `gradient_norm` before clipping. Shares from 0
    to 1: `share_clipped` of these steps, `share_waiting_for_data` of the time, `padding_waste` of the sound in batches,
    `blank_ratio` of the frames of dev. `peak_memory_mb`: of the process that used most; `training_seconds`: since the
    run began; `layers`: norms of weights, and of the gradients in the last step; `learning_rate`: after it.
    """

    epoch: int
    step: int = 0
    train_loss: float = math.nan
    gradient_norm: float = math.nan
    share_clipped: float = math.nan
    num_skipped: int = 0
    audio_seconds_per_second: float = math.nan
    share_waiting_for_data: float = math.nan
    padding_waste: float = math.nan
    peak_memory_mb: int = 0
    training_seconds: float = math.nan
    layers: Mapping[str, LayerNorms] = field(default_factory=dict)
    learning_rate: float = math.nan
    dev_loss: float = math.nan
    dev_wer: float = math.nan
    dev_cer: float = math.nan
    dev_wer_low: float = math.nan
    dev_wer_high: float = math.nan
    blank_ratio: float = math.nan

    def to_json(self) -> dict[str, Any]:
        """The line of `metrics.jsonl`."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], path: Path) -> "EpochRecord":
        """From a line of `path`, with an `epoch`; keys of other versions of asr are ignored.

        Raises:
            TrainingError: a value is of another type.
        """
        where = f"{path}, epoch {values['epoch']}"
        known = {one.name: values[one.name] for one in fields(cls) if values.get(one.name) is not None}
        layers = _layers(known.pop("layers", {}), where)
        return cls(**{key: _number(value, key, where) for key, value in known.items()}, layers=layers)

    def line(self) -> str:
        """For a person to read while the training runs."""
        return (
            f"epoch {self.epoch:3d}  loss {self.train_loss:.3f}  dev loss {self.dev_loss:.3f}  "
            f"dev WER {100 * self.dev_wer:.2f} %  CER {100 * self.dev_cer:.2f} %  "
            f"{self.audio_seconds_per_second:.0f} x real time  {self.training_seconds / 60:.1f} min"
        )


_COUNTS = {one.name for one in fields(EpochRecord) if one.type is int}


def _number(value: Any, key: str, where: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int if key in _COUNTS else int | float):
        expected = "a whole number" if key in _COUNTS else "a number"
        raise TrainingError(f'{where}: "{key}" is {value!r}, expected {expected}')
    if key in _COUNTS:
        return value
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf if value > 0 else -math.inf


def _layers(values: Any, where: str) -> dict[str, LayerNorms]:
    try:
        return {
            name: LayerNorms(*(_number(norms[key], key, where) for key in ("weights", "gradients")))
            for name, norms in values.items()
        }
    except (AttributeError, KeyError, TypeError):
        raise TrainingError(f'{where}: "layers" is {values!r:.80}, expected weights and gradients by layer') from None


def measure_epoch(
    progress: Progress, model: AcousticModel, evaluation: Evaluation, *, learning_rate: float, world: World
) -> EpochRecord:
    """The record of an epoch, from the sums over its steps and the evaluation on dev after it."""
    sums, score = progress.sums, evaluation.score
    waited, memories = zip(*world.gather((sums.waited, peak_memory_mb(model.device))), strict=True)
    gradients = gradient_norms(model) or sums.layer_gradients  # an epoch may have been resumed after its last step
    norms = {name: found.weights for name, found in layer_norms(model).items() if name in gradients}
    num_steps, seconds = max(1, sums.num_steps), max(1e-9, sums.seconds)
    return EpochRecord(
        epoch=progress.epoch,
        step=progress.step,
        train_loss=sums.loss / num_steps,
        gradient_norm=sums.gradient_norm / num_steps,
        share_clipped=sums.num_clipped / num_steps,
        num_skipped=sums.num_skipped,
        audio_seconds_per_second=sums.audio_seconds / seconds,
        share_waiting_for_data=sum(waited) / len(waited) / seconds,
        padding_waste=1 - sums.audio_seconds / max(1e-9, sums.padded_seconds),
        peak_memory_mb=max(memories),
        training_seconds=progress.seconds,
        layers={name: LayerNorms(weights, gradients[name]) for name, weights in norms.items()},
        learning_rate=learning_rate,
        dev_loss=evaluation.loss,
        dev_wer=score.wer,
        dev_cer=score.cer,
        dev_wer_low=score.wer_low,
        dev_wer_high=score.wer_high,
        blank_ratio=evaluation.blank_ratio,
    )


def read_metrics(path: Path) -> list[EpochRecord]:
    """The epochs of a `metrics.jsonl`, in order.

    Raises:
        TrainingError: the file is missing or broken; names the line, or the epoch.
    """
    return [EpochRecord.from_json(values, path) for values in read_records(path)]


def best_epoch(records: Sequence[EpochRecord]) -> EpochRecord | None:
    """The epoch that training keeps: the lowest WER on dev, among equals the lowest loss, then the first; None if no
    WER was logged.
    """
    scored = [record for record in records if not math.isnan(record.dev_wer)]
    return min(
        scored, key=lambda one: (one.dev_wer, math.inf if math.isnan(one.dev_loss) else one.dev_loss), default=None
    )


def evenly_spaced(utterances: Sequence[UtteranceScore], count: int) -> list[UtteranceScore]:
    """`count` of them, or all if there are fewer: no random choice, so the same ones after each epoch."""
    count = min(count, len(utterances))
    return [utterances[number * len(utterances) // count] for number in range(count)]
