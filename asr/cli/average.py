"""`asr average`: models -> one with the average of their weights."""

from pathlib import Path
from typing import Annotated

import typer


def average(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Model folders, such as RUN/best/*.")],
    output: Annotated[Path, typer.Option(help="Folder for the new model.")],
) -> None:
    """Average the weights of models of one training, such as those kept by `training.keep_best`."""
    from asr.model_average import average_models

    average_models(models, output)
    print(output)
