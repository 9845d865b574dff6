"""`asr train`: settings -> model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asr.training.settings import ExperimentSettings


def train(
    conf: Annotated[
        Path | None, typer.Argument(metavar="CONF", help="Settings, a YAML file such as conf/an4.yaml.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder for the model and the state. Default: runs/<name of CONF>.")
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="MODEL", help="Fine-tune: start from the weights of a model folder, or of a name."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume an interrupted training.")] = False,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out utterances whose sound files are missing.")
    ] = False,
    replay: Annotated[
        Path | None, typer.Option(help="Run a failed step again, RUN/incidents/step-*.pt, and explain it.")
    ] = None,
    overfit: Annotated[
        bool,
        typer.Option("--overfit", help="Only test whether one batch can be learnt by heart; takes about a minute."),
    ] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override: training.seed=2. Repeatable.")
    ] = None,
) -> None:
    """Train a model. Leaves the weights that are best on dev in RUN/model."""
    if replay is not None:
        _replay(replay)
        return
    if overfit and resume:
        raise typer.BadParameter("starts from nothing and saves nothing: leave out --resume", param_hint="--overfit")
    if conf is None:
        raise typer.BadParameter("give a settings file, such as conf/an4.yaml", param_hint="CONF")
    from asr.settings import load_settings
    from asr.training.settings import ExperimentSettings
    from asr.training.train import train as train_model

    settings = load_settings(ExperimentSettings, conf, set_)
    if start_from is not None:
        settings = settings.model_copy(
            update={"training": settings.training.model_copy(update={"start_from": start_from})}
        )
    if overfit:
        _overfit(settings, skip_missing=skip_missing)
        return
    model = train_model(settings, run or Path("runs") / conf.stem, resume=resume, skip_missing=skip_missing)
    if model is not None:  # None in every process but the first
        print(model)


def _overfit(settings: "ExperimentSettings", *, skip_missing: bool) -> None:
    from asr.training.diagnosis.overfit import overfit_one_batch

    verdict = overfit_one_batch(settings, skip_missing=skip_missing)
    print(verdict.text())
    if not verdict.reached:
        raise typer.Exit(1)


def _replay(incident: Path) -> None:
    from asr.torch_engine import default_device
    from asr.training.diagnosis.replay import replay

    print(replay(incident, default_device()))
