"""Installed models in a folder of the test's own, and a package without any."""

from pathlib import Path

import pytest

from asr.pretrained import installed


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where fetched models lie."""
    monkeypatch.setattr(installed, "_PACKAGE", tmp_path / "package")
    monkeypatch.setenv("ASR_MODELS", str(tmp_path / "home"))
    return tmp_path / "home"
