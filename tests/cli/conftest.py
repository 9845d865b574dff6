"""What several tests of verbs start from."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def tree(tmp_path: Path, wav: Path) -> Path:
    """A folder with three recordings, of which one is broken, and a picture."""
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    shutil.copy(wav, root / "talk.wav")
    shutil.copy(wav, root / "sub" / "talk.wav")
    (root / "cut.wav").write_bytes(wav.read_bytes()[:-1000])
    (root / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    return root
