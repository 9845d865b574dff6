"""Which argument of `asr transcribe` is the model."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asr.errors import ModelError
from asr.model_folder import holds_model
from asr.pretrained.installed import default_model, find_model, installed_models

_EXPECTED = "expected a model folder (config.json, tokens.model and weights), before the recordings or as --model"


class Split(NamedTuple):
    """The `model` folder; `given` is the folder that was named, another one if that is of a training; and the arguments
    that are recordings."""

    given: Path
    model: Path
    inputs: list[str]


def split_arguments(arguments: Sequence[str], model: str | os.PathLike[str] | None) -> Split:
    """Take the model from its option; or from the first argument, if that is a model folder or the name of an installed
    model; else the default one.

    Raises:
        ModelError: there is no model.
    """
    if model is not None:
        given = find_model(model)
        return Split(given, _model_of(given), list(arguments))
    if arguments and (found := _as_model(arguments[0])) is not None:
        return Split(*found, list(arguments[1:]))
    try:
        unasked = default_model()
    except ModelError:
        if not arguments:
            raise
        folder = find_model(arguments[0])
        return Split(folder, _model_of(folder), list(arguments[1:]))
    return Split(unasked, unasked, list(arguments))


def _as_model(argument: str) -> tuple[Path, Path] | None:
    given = Path(argument)
    if not os.path.lexists(given):
        installed = installed_models().get(argument)
        return None if installed is None else (installed.folder, installed.folder)
    return next(((given, folder) for folder in (given, given / "model") if holds_model(folder)), None)


def _model_of(folder: Path) -> Path:
    found = _as_model(os.fspath(folder))
    if found is None:
        kind = "is a folder without a model" if folder.is_dir() else "is a file"
        raise ModelError(f"{folder}: {kind}; {_EXPECTED}")
    return found[1]
