"""Which argument of `asr transcribe` is the model."""

from collections.abc import Sequence
from pathlib import Path

from asr.errors import ModelError
from asr.model_folder import holds_model

_EXPECTED = "expected a model folder (config.json, tokens.model and weights), before the recordings or as --model"


def split_arguments(arguments: Sequence[str], model: Path | None) -> tuple[Path, list[str]]:
    """The model folder, and the arguments that are recordings. A `model` given by its option leaves all arguments to
    the recordings; otherwise the first one is the model.

    Raises:
        ModelError: there is no model.
    """
    if model is None and not arguments:
        raise ModelError(f"no model is given; {_EXPECTED}")
    folder, inputs = (model, list(arguments)) if model is not None else (Path(arguments[0]), list(arguments[1:]))
    if not folder.exists():
        raise ModelError(f"{folder}: no such model folder")
    if holds_model(folder):
        return folder, inputs
    if holds_model(folder / "model"):  # that of a training
        return folder / "model", inputs
    found = "is a folder without a model" if folder.is_dir() else "is a file"
    raise ModelError(f"{folder}: {found}; {_EXPECTED}")
