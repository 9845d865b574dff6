"""Helpers for tests of the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """What a run of `asr` leaves: its exit status, and what it wrote."""

    code: int
    out: str
    err: str


RunAsr: TypeAlias = Callable[..., Result]  # the fixture `asr`
Refusal: TypeAlias = Callable[..., str]  # the fixture `refusal`


def shell(command: str, *, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a line of bash in which `asr` is the command line under test."""
    script = f'asr() {{ "{sys.executable}" -m asr "$@"; }}\n{command}'
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def manifest(path: Path, *sounds: Path, text: str = "THE DOG") -> Path:
    return written(path, *({"audio_filepath": str(s), "duration": 2.0, "text": text, "id": s.name} for s in sounds))


def files(folder: Path) -> set[str]:
    """The results in an output folder: without the notes on what is done."""
    return {str(path.relative_to(folder)) for path in folder.rglob("[!.]*") if path.is_file()}


def run_recipe(recipe: ModuleType, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of a recipe that is run in this process."""
    monkeypatch.setattr(sys, "argv", ["recipe", *arguments])
    try:
        recipe.main()
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code
    return 0
