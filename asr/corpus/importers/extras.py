"""Packages that only an importer needs, so that they are not installed with asr."""

from importlib import import_module
from typing import Any

from asr.errors import ManifestError


def load_extra(name: str) -> Any:
    """The module of this name.

    Raises:
        ManifestError: it is not installed; says how to install it.
    """
    try:
        return import_module(name)
    except ImportError:
        raise ManifestError(f"the package {name} is not installed; install it: .venv/bin/pip install {name}") from None
