"""Files that ffmpeg makes."""

import subprocess
from pathlib import Path

import pytest

from tests.support.sounds import Make, wav_bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "reference.wav").write_bytes(wav_bytes())
    return folder


@pytest.fixture
def make(ffmpeg: str, folder: Path) -> Make:
    """A file that ffmpeg makes of the reference, once."""

    def made(name: str, *options: str) -> Path:
        path = folder / name
        if not path.exists():
            command: list[str | Path] = [
                ffmpeg,
                "-nostdin",
                "-loglevel",
                "error",
                "-i",
                folder / "reference.wav",
                *options,
                path,
            ]
            subprocess.run(command, check=True)
        return path

    return made
