"""Which models have a name, and which one is taken unasked."""

import shutil
from pathlib import Path

import pytest

from asr.errors import ModelError
from asr.pretrained import installed
from asr.pretrained.installed import default_model, find_model, installed_models


def test_without_models_everything_says_how_to_get_one(models_home: Path, tmp_path: Path) -> None:
    assert installed_models() == {}
    with pytest.raises(ModelError, match=r"nowhere: no such model folder.*none is installed: `asr models --fetch`"):
        find_model("nowhere")
    with pytest.raises(ModelError, match=r"no model is given.*none is installed.*give a model folder"):
        default_model()
    assert find_model(tmp_path) == tmp_path  # a path that exists is taken, whatever it holds


def test_models_of_the_package_and_of_the_user(models_home: Path, tmp_path: Path, model_folder: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "package" / "welsh")
    (tmp_path / "package" / "__pycache__").mkdir()
    shutil.copytree(model_folder, models_home / "ours")
    shutil.copytree(model_folder, models_home / "welsh")
    (models_home / ".downloads").mkdir()
    (models_home / "ours" / "README.md").write_text("\n# Sea shanties\n\nTwo hours.\n", encoding="utf-8")
    models = installed_models()
    assert [(model.name, model.is_packaged) for model in models.values()] == [("welsh", True), ("ours", False)]
    assert models["ours"].title == "Sea shanties"
    assert models["ours"].num_bytes == sum(path.stat().st_size for path in (models_home / "ours").iterdir())
    assert find_model("ours") == models_home / "ours"
    assert find_model("welsh") == tmp_path / "package" / "welsh"
    assert find_model(model_folder) == model_folder
    with pytest.raises(ModelError, match=r"none to take unasked \(installed: welsh, ours\)"):
        default_model()
    (models_home / "ours" / "README.md").unlink()
    assert models["ours"].title == ""


def test_a_folder_is_meant_before_a_name(
    models_home: Path, tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model_folder, models_home / "ours")
    (tmp_path / "here" / "ours").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert find_model("ours") == Path("ours")


def test_english_is_taken_unasked_else_the_only_one(models_home: Path, model_folder: Path) -> None:
    shutil.copytree(model_folder, models_home / "ours")
    assert default_model() == models_home / "ours"
    shutil.copytree(model_folder, models_home / "english")
    assert default_model() == models_home / "english"


def test_where_fetched_models_lie(models_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert installed.models_home() == tmp_path / "home"
    monkeypatch.delenv("ASR_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert installed.models_home() == tmp_path / "data" / "asr" / "models"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    assert installed.models_home() == tmp_path / "person" / ".local" / "share" / "asr" / "models"


def test_a_user_without_a_home_has_the_models_of_the_package(
    models_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model_folder: Path
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("ASR_MODELS")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    shutil.copytree(model_folder, tmp_path / "package" / "english")
    assert default_model() == tmp_path / "package" / "english"
    with pytest.raises(ModelError, match="there is no home folder to keep models in; set ASR_MODELS"):
        installed.models_home()
