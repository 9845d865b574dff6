"""Checkpoint averaging: the mean of the weights of several models, such as the best epochs (Izmailov et al. 2018)."""

from collections.abc import Sequence
from pathlib import Path

import torch

from asr.errors import ModelError
from asr.recognizer import Recognizer


def average_models(folders: Sequence[Path], output: Path) -> Recognizer:
    """Average the weights of model folders and write the result to `output`; all else is that of the first.

    Raises:
        ModelError: there is none, a folder is no model, or their settings or tokens differ.
        OutputError: the model cannot be written.
    """
    _refuse_no_models(folders)
    first, *others = [Recognizer.load(folder, engine="torch") for folder in folders]
    for folder, other in zip(folders[1:], others, strict=True):
        if other.tokens.model != first.tokens.model:
            raise ModelError(
                f"{folder}: has other tokens than {folders[0]}; only models of one training can be averaged"
            )
        if other.model.settings != first.model.settings:
            raise ModelError(f"{folder}: has other settings than {folders[0]}; only models of one size can be averaged")
    states = [recognizer.model.state_dict() for recognizer in (first, *others)]
    averages = {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(value.dtype)
        for name, value in states[0].items()
    }
    first.model.load_state_dict(averages)
    names = "".join(f"- `{folder}`\n" for folder in folders)
    first.save(output, card=f"# Speech recognition model\n\nThe average of the weights of\n\n{names}")
    return first


def _refuse_no_models(folders: Sequence[Path]) -> None:
    """No folder at all, or a pattern such as `RUN/best/*` that matched nothing, which the shell passes on unchanged."""
    pattern = next((str(folder) for folder in folders if "*" in folder.name and not folder.exists()), "")
    if not folders or pattern:
        raise ModelError(
            f"{pattern or 'no folders'}: no models to average; a training keeps those of its best epochs in RUN/best "
            "if training.keep_best is above 1: asr train --set training.keep_best=5"
        )
