"""The curves of a run."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite, nan
from pathlib import Path

from asr.errors import TrainingError
from asr.pictures import EpochCurves, save_learning_curve
from asr.reporting.run import Run
from asr.training.run.metrics import EpochRecord, best_epoch, read_metrics


def learning_curves(run: Run) -> dict[str, EpochCurves]:
    """Losses and error rates, by the name of the picture."""
    return _logged({"loss": loss_curves(run.metrics), "error_rate": error_curves(run.metrics)})


def loss_curves(epochs: Sequence[EpochRecord], *, title: str = "Loss") -> EpochCurves:
    """Loss on train and dev by epoch."""
    lines = {"train (augmented)": [one.train_loss for one in epochs], "dev": [one.dev_loss for one in epochs]}
    return EpochCurves(title, "CTC loss per token", lines, log_scale=True)


def error_curves(epochs: Sequence[EpochRecord]) -> EpochCurves:
    """Error rates on dev by epoch, in per cent; that of words with its 95 % interval, if known."""
    lines = {"words": [100 * one.dev_wer for one in epochs], "characters": [100 * one.dev_cer for one in epochs]}
    band = [100 * one.dev_wer_low for one in epochs], [100 * one.dev_wer_high for one in epochs]
    return EpochCurves("Error rates on dev", "error rate on dev, %", lines, band=band)


def draw_learning_curve(metrics: Path, picture: Path, *, title: str) -> None:
    """A `metrics.jsonl` -> losses and error rates side by side, as PNG.

    Raises:
        TrainingError: no epoch was finished, or the file is broken.
        OutputError: the picture cannot be written.
    """
    epochs = read_metrics(metrics)
    if (best := best_epoch(epochs)) is None:
        raise TrainingError(f"{metrics}: has no error rate on dev; wait until the first epoch is done")
    losses, errors = loss_curves(epochs, title=title), error_curves(epochs)
    point = (best.epoch, 100 * best.dev_wer)
    save_learning_curve(picture, [one.epoch for one in epochs], losses, errors, best=point)


def optimiser_curves(run: Run) -> dict[str, EpochCurves]:
    """Learning rate and gradients, by the name of the picture."""
    rate = {"learning rate": [one.learning_rate for one in run.metrics]}
    norms = {"gradient norm": [one.gradient_norm for one in run.metrics]}
    if (clip := _number(run, "max_grad_norm")) is not None:
        norms["clipped above"] = [clip] * len(run.metrics)
    return _logged(
        {
            "learning_rate": EpochCurves("Learning rate", "at the end of the epoch", rate),
            "gradient_norm": EpochCurves("Gradient norm", "epoch mean, before clipping", norms),
        }
    )


def speed_curves(run: Run) -> dict[str, EpochCurves]:
    """Where the time goes, by the name of the picture."""
    speed = {"speed": [one.audio_seconds_per_second for one in run.metrics]}
    waiting = {"waiting": [100 * one.share_waiting_for_data for one in run.metrics]}
    seconds = {"time": seconds_per_epoch(run)}
    return _logged(
        {
            "speed": EpochCurves("Speed", "seconds of sound per second", speed),
            "waiting_for_data": EpochCurves("Waiting for data", "share of the time, %", waiting),
            "seconds_per_epoch": EpochCurves("Time of an epoch, dev included", "seconds", seconds),
        }
    )


def blank_curves(run: Run) -> dict[str, EpochCurves]:
    """Share of blanks on dev, by the name of the picture; {} for a run that did not log it."""
    share = {"blanks": [100 * one.blank_ratio for one in run.metrics]}
    return _logged({"blank_ratio": EpochCurves("Blanks on dev", "share of the frames, %", share)})


def seconds_per_epoch(run: Run) -> list[float]:
    """From the logged running total; NaN where an epoch, or the one before it, is missing."""
    totals = [(0, 0.0), *((one.epoch, one.training_seconds) for one in run.metrics)]
    return [
        seconds - seconds_before if epoch == epoch_before + 1 else nan
        for (epoch_before, seconds_before), (epoch, seconds) in pairwise(totals)
    ]


def _logged(pictures: dict[str, EpochCurves]) -> dict[str, EpochCurves]:
    """Only those whose first line has any number."""
    return {name: curves for name, curves in pictures.items() if any(map(isfinite, _first(curves)))}


def _first(curves: EpochCurves) -> Sequence[float]:
    return next(iter(curves.lines.values()))


def _number(run: Run, key: str) -> float | None:
    """A number of the training settings, if there is one of this name."""
    try:
        return float(run.settings["training"][key])
    except (KeyError, ValueError):
        return None
