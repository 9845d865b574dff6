"""Helpers for tests of the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def shell(command: str, *, unbuffered: str = "") -> subprocess.CompletedProcess:
    """Runs a line of bash in which `asr` is the command line under test."""
    script = f'asr() {{ "{sys.executable}" -m asr "$@"; }}\n{command}'
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    command = ["bash", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def manifest(path: Path, *sounds: Path, text: str = "THE DOG") -> Path:
    return written(path, *({"audio_filepath": str(s), "duration": 2.0, "text": text, "id": s.name} for s in sounds))
