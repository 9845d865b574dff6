"""`asr models`: the models that have a name."""

from typing import Annotated

import typer


def models(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show the card of this one.")] = None,
    fetch: Annotated[
        str | None, typer.Option(metavar="URL", help="Install a model folder packed as .tar or .tar.gz, as NAME.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="Of what is fetched, as the page says that names the URL.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the fetched model NAME.")] = False,
) -> None:
    """List the models that are installed: in other verbs, their names stand for their folders."""
    from asr.cli.messages import shown_path
    from asr.pretrained.fetching import fetch_model, remove_model

    if (fetch is None) != (sha256 is None):
        raise typer.BadParameter("--fetch and --sha256 go together")
    if remove and (name is None or fetch is not None):
        raise typer.BadParameter("--remove needs the NAME of a model, and nothing else")
    if fetch is not None and sha256 is not None:
        model = fetch_model(fetch, sha256=sha256, name=name)
        print(f"{model.name}: {shown_path(model.folder)}")
    elif name is None:
        _list()
    elif remove:
        remove_model(name)
    else:
        _show(name)


def _list() -> None:
    from asr.cli.messages import complain, shown_path
    from asr.pretrained.installed import installed_models

    installed = installed_models()
    if not installed:
        complain("no model is installed; train one (asr train), or fetch one (asr models --fetch)")
    for model in installed.values():
        place = "comes with asr" if model.is_packaged else shown_path(model.folder)
        print(f"{model.name:16}  {model.num_bytes / 1e6:6.1f} MB  {model.title}  ({place})")


def _show(name: str) -> None:
    from asr.errors import ModelError
    from asr.pretrained.installed import installed_models

    installed = installed_models()
    if name not in installed:
        raise ModelError(f"{name}: no model of that name is installed; `asr models` lists those that are")
    print(installed[name].card, end="")
