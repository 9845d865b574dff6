"""Packages that only an importer needs."""

import sys
from pathlib import Path

import pytest

from tests.support.command_line import Refusal


@pytest.mark.parametrize(("kind", "package"), [("lhotse", "lhotse"), ("huggingface", "datasets")])
def test_an_extra_that_is_not_installed_is_named(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = refusal("import", kind, tmp_path / "x", tmp_path / "m.jsonl")
    assert message == f"the package {package} is not installed; install it: .venv/bin/pip install {package}"
