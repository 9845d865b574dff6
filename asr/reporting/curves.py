"""Which curves of a run are drawn."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite, nan

from asr.pictures import EpochCurves, column, error_curves, loss_curves
from asr.reporting.run import Run


def learning_curves(run: Run) -> dict[str, EpochCurves]:
    """Losses and error rates, by the name of the picture."""
    return _logged({"loss": loss_curves(run.metrics), "error_rate": error_curves(run.metrics)})


def optimiser_curves(run: Run) -> dict[str, EpochCurves]:
    """Learning rate and gradients, by the name of the picture."""
    rate = {"learning rate": column(run.metrics, "learning_rate")}
    norms = {"gradient norm": column(run.metrics, "gradient_norm")}
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
    speed = {"speed": column(run.metrics, "audio_seconds_per_second")}
    waiting = {"waiting": column(run.metrics, "share_waiting_for_data", 100.0)}
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
    share = {"blanks": column(run.metrics, "blank_ratio", 100.0)}
    return _logged({"blank_ratio": EpochCurves("Blanks on dev", "share of the frames, %", share)})


def seconds_per_epoch(run: Run) -> list[float]:
    """From the running total that is logged; NaN where an epoch, or the one before it, is missing."""
    totals = [(0, 0.0), *zip(run.epochs, column(run.metrics, "training_seconds"), strict=True)]
    return [
        seconds - seconds_before if epoch == epoch_before + 1 else nan
        for (epoch_before, seconds_before), (epoch, seconds) in pairwise(totals)
    ]


def _logged(pictures: dict[str, EpochCurves]) -> dict[str, EpochCurves]:
    """Only those whose first line has something in it."""
    return {name: curves for name, curves in pictures.items() if any(map(isfinite, _first(curves)))}


def _first(curves: EpochCurves) -> Sequence[float]:
    return next(iter(curves.lines.values()))


def _number(run: Run, key: str) -> float | None:
    """A number of the training settings, if there is one of this name."""
    try:
        return float(run.settings["training"][key])
    except (KeyError, ValueError):
        return None
