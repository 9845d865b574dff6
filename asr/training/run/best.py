"""Which models of a run are kept: the best on dev in `model/`, and with `keep_best` above 1 some more in `best/`."""

import shutil
from collections.abc import Callable
from pathlib import Path

from asr.evaluation import Evaluation
from asr.training.run.checkpoint import Progress
from asr.training.settings import DataSettings

Save = Callable[[Path], bool]  # saves the model in a folder; returns whether that worked


def keep_best(folder: Path, progress: Progress, evaluation: Evaluation, *, keep: int, save: Save) -> bool:
    """Save the model if its epoch is the best so far: the lowest WER on dev, and among equals the lowest loss.

    Returns whether it was. If the disk is full, the previous best model is kept, and the next epoch that is better
    tries again.
    """
    result = (evaluation.score.wer, evaluation.loss)
    if keep > 1:
        _keep_among_best(folder / "best", progress, (*result, progress.epoch), keep, save)
    if (progress.best_epoch and result >= (progress.best_wer, progress.best_loss)) or not save(folder / "model"):
        return False
    progress.best_wer, progress.best_loss = result
    progress.best_epoch = progress.epoch
    return True


def model_card(data: DataSettings, seed: int, epoch: int, evaluation: Evaluation) -> str:
    """The model card, for people: what the model was trained on, and how well it does on dev."""
    score = evaluation.score
    return (
        "# Speech recognition model\n\n"
        f"Trained with `asr` on `{data.train}`, epoch {epoch}, seed {seed}.\n\n"
        f"Word error rate on `{data.dev}` (used to choose this epoch): {100 * score.wer:.2f} % "
        f"[{100 * score.wer_low:.2f}, {100 * score.wer_high:.2f}] of {score.num_words} words.\n"
    )


def _keep_among_best(best: Path, progress: Progress, place: tuple[float, float, int], keep: int, save: Save) -> None:
    """The models of the `keep` best epochs, for `asr average`."""
    ranked = sorted([*progress.kept, place])
    if place in ranked[:keep] and not save(best / _name(place)):
        return
    for dropped in ranked[keep:]:
        shutil.rmtree(best / _name(dropped), ignore_errors=True)
    progress.kept = ranked[:keep]


def _name(place: tuple[float, float, int]) -> str:
    return f"epoch-{place[2]:04d}"
