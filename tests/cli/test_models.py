"""`asr models`: listing, showing, fetching and removing."""

import hashlib
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.support.command_line import Refusal, Result, RunAsr

pytestmark = pytest.mark.usefixtures("models_home")


def test_a_model_is_fetched_listed_shown_and_removed(
    asr: RunAsr, models_home: Path, tmp_path: Path, model_folder: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "package" / "english")
    card = "# English, 11 hours of readers\n\nWER 99 %.\n"
    packed = shutil.copytree(model_folder, tmp_path / "tiny")
    (packed / "README.md").write_text(card, encoding="utf-8")
    with tarfile.open(tmp_path / "tiny.tar.gz", "w:gz") as tar:
        tar.add(packed, arcname="tiny")
    sha256 = hashlib.sha256((tmp_path / "tiny.tar.gz").read_bytes()).hexdigest()
    fetched = asr("models", "--fetch", (tmp_path / "tiny.tar.gz").as_uri(), "--sha256", sha256)
    assert (fetched.code, fetched.out) == (0, f"tiny: {models_home / 'tiny'}\n")
    listed = asr("models").out.splitlines()
    assert [line.split()[0] for line in listed] == ["english", "tiny"]
    assert listed[0].endswith("(comes with asr)")
    assert listed[1].endswith(f"English, 11 hours of readers  ({models_home / 'tiny'})")
    assert asr("models", "tiny").out == card
    assert asr("models", "tiny", "--remove") == Result(0, "", "")
    assert len(asr("models").out.splitlines()) == 1


def test_without_models_it_says_how_to_get_one(asr: RunAsr) -> None:
    result = asr("models")
    assert (result.code, result.out) == (0, "")
    assert result.err == "asr: no model is installed; train one (asr train), or fetch one (asr models --fetch)\n"


def test_refusals_are_one_line(refusal: Refusal) -> None:
    assert refusal("models", "none").startswith("none: no model of that name is installed")
    assert refusal("models", "none", "--remove").startswith("none: no model of that name is installed")
    assert "expected 64 hexadecimal digits" in refusal("models", "--fetch", "file:///nowhere/m.tar", "--sha256", "1")
    message = refusal("models", "--fetch", "file:///nowhere/tiny.tar.gz", "--sha256", 64 * "0")
    assert "could not be fetched from any address: file:///nowhere/tiny.tar.gz" in message
    assert message.endswith("or give another address")


def test_options_that_do_not_go_together_are_usage_errors(asr: RunAsr) -> None:
    for arguments in (["--fetch", "file:///a.tar"], ["--sha256", 64 * "0"], ["--remove"]):
        result = asr("models", *arguments)
        assert (result.code, result.out) == (2, "")
        assert "go together" in result.err or "needs the NAME" in result.err
