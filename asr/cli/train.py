"""`asr train`: settings -> model."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    conf: Annotated[Path, typer.Argument(metavar="CONF", help="Settings, a YAML file such as conf/an4.yaml.")],
    run: Annotated[
        Path | None, typer.Option(help="Folder for the model and the state. Default: runs/<name of CONF>.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override: training.seed=2. Repeatable.")
    ] = None,
) -> None:
    """Train a model. Leaves the weights that are best on dev in RUN/model."""
    from asr.settings import load_settings
    from asr.training.settings import ExperimentSettings
    from asr.training.train import train as train_model

    settings = load_settings(ExperimentSettings, conf, set_)
    folder = run or Path("runs") / conf.stem
    train_model(settings, folder, resume=resume)
    print(folder / "model")
