"""`asr --version`."""

import platform

import typer

from asr import __version__


def show_version(wanted: bool) -> bool:
    """If `wanted`, print the versions that a bug report needs, without loading torch, and exit."""
    if not wanted:
        return False
    from importlib import metadata  # slow, and rarely needed

    try:
        torch = f"torch {metadata.version('torch')}"
    except metadata.PackageNotFoundError:
        torch = "no torch"
    print(f"asr {__version__}, Python {platform.python_version()}, {torch}")
    raise typer.Exit
