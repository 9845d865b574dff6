"""Models from an address: whole or not at all, and nothing that was not asked for."""

import hashlib
import shutil
import tarfile
from pathlib import Path

import pytest

from asr.errors import ModelError
from asr.pretrained.fetching import fetch_model, remove_model
from asr.pretrained.installed import installed_models
from asr.recognizer import Recognizer


def packed(folder: Path, archive: Path, *, inside: str = ".") -> tuple[str, str]:
    """Its address and checksum."""
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=inside)
    return archive.as_uri(), hashlib.sha256(archive.read_bytes()).hexdigest()


@pytest.mark.parametrize("inside", [".", "some-folder"])
def test_a_model_is_installed_and_removed(models_home: Path, tmp_path: Path, model_folder: Path, inside: str) -> None:
    url, sha256 = packed(model_folder, tmp_path / "tiny-1.0.tar.gz", inside=inside)
    model = fetch_model(url, sha256=sha256.upper())
    assert (model.name, model.folder) == ("tiny-1.0", models_home / "tiny-1.0")
    assert {path.name: path.read_bytes() for path in model.folder.iterdir()} == {
        path.name: path.read_bytes() for path in model_folder.iterdir()
    }
    Recognizer.load(model.folder)
    assert list(installed_models()) == ["tiny-1.0"]
    assert list((models_home / ".downloads").iterdir()) == []
    with pytest.raises(ModelError, match=r"there is a model of that name.*or first `asr models tiny-1.0 --remove`"):
        fetch_model(url, sha256=sha256)
    remove_model("tiny-1.0")
    assert installed_models() == {}
    with pytest.raises(ModelError, match=r"tiny-1.0: no model of that name is installed"):
        remove_model("tiny-1.0")


def test_what_does_not_fit_its_checksum_is_not_installed(models_home: Path, tmp_path: Path, model_folder: Path) -> None:
    url, sha256 = packed(model_folder, tmp_path / "tiny.tar.gz")
    with pytest.raises(ModelError, match=f"wrong checksum, the file's sha256 is {sha256}, expected {64 * '0'}"):
        fetch_model(url, sha256=64 * "0")
    with pytest.raises(ModelError, match="expected 64 hexadecimal digits"):
        fetch_model(url, sha256=sha256[:-1])
    assert installed_models() == {}


def test_what_holds_no_model_is_not_installed(models_home: Path, tmp_path: Path, model_folder: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("nothing")
    url, sha256 = packed(tmp_path / "notes", tmp_path / "notes.tar.gz")
    with pytest.raises(ModelError, match="the archive holds no model folder"):
        fetch_model(url, sha256=sha256)
    broken = shutil.copytree(model_folder, tmp_path / "broken")
    (broken / "tokens.model").write_bytes(b"0")
    url, sha256 = packed(broken, tmp_path / "broken.tar.gz")
    with pytest.raises(ModelError, match=r"tokens\.model: not the tokens that the weights were trained with"):
        fetch_model(url, sha256=sha256)
    assert sorted(path.name for path in models_home.iterdir()) == [".downloads"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a b", "a" * 101, "-x"])
def test_names_that_are_no_plain_folder_are_refused(
    models_home: Path, tmp_path: Path, model_folder: Path, name: str
) -> None:
    url, sha256 = packed(model_folder, tmp_path / "tiny.tar.gz")
    with pytest.raises(ModelError, match="cannot be the name of a model"):
        fetch_model(url, sha256=sha256, name=name)


def test_models_of_the_package_are_not_replaced_nor_removed(
    models_home: Path, tmp_path: Path, model_folder: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "package" / "english")
    url, sha256 = packed(model_folder, tmp_path / "english.tar.gz")
    with pytest.raises(ModelError, match=r"there is a model of that name.*give another NAME$"):
        fetch_model(url, sha256=sha256)
    assert fetch_model(url, sha256=sha256, name="english-2").name == "english-2"
    with pytest.raises(ModelError, match="comes with the package and goes with it"):
        remove_model("english")
