"""Model folders: equal to the bit when loaded, and refused when damaged."""

import json
import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from asr.model_folder import FILES
from asr.recognizer import Recognizer
from asr.search import SearchSettings
from tests.support.model_folders import contents, edit_config, refused, same
from tests.support.talkative import TEXTS, char_tokens, talkative


def test_a_loaded_model_is_equal_to_the_bit_and_so_are_its_files(tmp_path: Path, folder: Path) -> None:
    settings = SearchSettings(method="beam", beam_width=3)
    original = talkative(7, search=settings, subsampling=3, dropout=0.3)
    original.save(folder, card="# Mine\n")
    loaded = Recognizer.load(folder)
    assert same(loaded, original)
    assert (loaded.search, loaded.model.settings) == (settings, original.model.settings)
    assert loaded.tokens.model == original.tokens.model
    loaded.save(tmp_path / "again", card="# Mine\n")
    assert contents(tmp_path / "again") == contents(folder)
    assert set(contents(folder)) == {*FILES, "README.md"}
    assert (folder / "README.md").read_text() == "# Mine\n"


@pytest.mark.parametrize("name", ["model", "./model/", "deep/er/model", ".", "../here"])
def test_a_folder_may_be_given_in_any_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recognizer: Recognizer, name: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    talkative(5).save(name)
    recognizer.save(name)  # over an older one
    assert set(contents(pathlib.Path(name).resolve())) == {*FILES, "README.md"}
    assert same(Recognizer.load(name), recognizer)
    assert pathlib.Path.cwd() == tmp_path / "here"  # is still there


def test_other_files_in_the_folder_stay_and_a_link_stays_a_link(
    tmp_path: Path, folder: Path, recognizer: Recognizer
) -> None:
    (folder / "notes.txt").write_text("mine")
    (tmp_path / "link").symlink_to(folder)
    other = talkative(3)
    other.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert same(Recognizer.load(folder), other)
    assert (folder / "notes.txt").read_text() == "mine"


# --- damaged model folders --------------------------------------------------------------------------------------------


def test_a_missing_folder_or_file_is_named(folder: Path) -> None:
    refused(folder / "nowhere", "no such model folder")
    for name in FILES:
        (folder / name).rename(folder / "away")
        refused(folder, f"has no {name}; it needs")
        (folder / "away").rename(folder / name)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"config"])
def test_a_config_that_is_not_json_is_refused(folder: Path, text: bytes) -> None:
    (folder / "config.json").write_bytes(text)
    refused(folder, "config.json: not readable as JSON")


@pytest.mark.parametrize("text", [b"[]", b"null", b"{}", b'{"format_version": 4}', b'{"format_version": "1"}'])
def test_a_config_of_another_version_is_refused(folder: Path, text: bytes) -> None:
    (folder / "config.json").write_bytes(text)
    refused(folder, "config.json: format_version is", "this asr reads 1 to 3; use the asr that wrote the model")


def test_a_model_of_format_1_keeps_the_mean_that_it_was_trained_with(folder: Path) -> None:
    """Written before there was another: without the key."""
    assert Recognizer.load(folder).model.settings.features.mean_over == "speech"
    edit_config(folder, format_version=1, model__features__mean_over=None)
    old = Recognizer.load(folder)
    assert old.model.settings.features.mean_over == "utterance"
    old.save(folder)
    assert Recognizer.load(folder).model.settings.features.mean_over == "utterance"


def test_a_model_of_format_2_has_other_names_of_weights(folder: Path, recognizer: Recognizer) -> None:
    path = folder / "model.safetensors"
    weights = safetensors.torch.load(path.read_bytes())
    old = {
        name.replace("body.forward_cell", "recurrence.ahead").replace("body.backward_cell", "recurrence.back"): value
        for name, value in weights.items()
    }
    assert len(set(old) - set(weights)) == 8 * len(recognizer.model.layers)
    path.write_bytes(safetensors.torch.save(old))
    edit_config(folder, format_version=2, weights_sha256=None, model__recurrence=None)
    loaded = Recognizer.load(folder)
    assert same(loaded, recognizer)
    loaded.save(folder)
    assert set(safetensors.torch.load(path.read_bytes())) == set(weights)


@pytest.mark.parametrize("model", [[], 1, {"features": 1}])
def test_a_broken_config_of_format_1_is_refused(folder: Path, model: int | dict[str, Any]) -> None:
    edit_config(folder, format_version=1, model=model)
    refused(folder, "config.json: model")


@pytest.mark.parametrize("key", ["sample_rate", "tokens_sha256", "model", "search"])
def test_a_missing_key_of_the_config_is_named(folder: Path, key: str) -> None:
    edit_config(folder, **{key: None})
    refused(folder, f"config.json: {key}: missing")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("colour", 1, "colour: unknown key"),
        ("model__colour", 1, "model.colour: unknown key"),
        ("search__width", 1, "search.width: unknown key"),
        ("model__hidden_size", "12", "model.hidden_size: input should be a valid integer, found '12'"),
        ("sample_rate", 8000, "sample_rate: input should be 16000, found 8000"),
        ("model", [], "model: "),
        ("search__beam_width", 0, "search.beam_width: input should be greater than or equal to 1, found 0"),
        ("search__fusion__alpha", -1.0, "search.fusion.alpha: input should be greater than or equal to 0, found -1.0"),
        ("search__fusion__beta", 1e9, "search.fusion.beta: input should be less than or equal to 20"),
        ("search__fusion__unit", "phrase", "search.fusion.unit: input should be 'word', 'lexicon' or 'token'"),
        ("calibration__scale", -1.0, "calibration.scale: input should be greater than or equal to 0"),
        ("language_model", "yes", "language_model: input should be a valid boolean, found 'yes'"),
        ("model__features__min_frequency", 8000.0, "min_frequency has to be below max_frequency"),
    ],
)
def test_a_wrong_key_or_value_of_the_config_is_named(folder: Path, key: str, value: object, message: str) -> None:
    edit_config(folder, **{key: value})
    if "min_frequency" in key:
        edit_config(folder, model__features__max_frequency=100.0)
    refused(folder, message)


@pytest.mark.parametrize("size", [0, 5, 200, -1])
def test_truncated_weights_are_refused(folder: Path, size: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    refused(folder, "model.safetensors: damaged")


def test_weights_of_another_shape_or_with_tensors_missing_or_to_spare_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    bias = weights.pop("head.bias")
    path.write_bytes(safetensors.torch.save(weights))
    refused(folder, "model.safetensors", "head.bias")
    path.write_bytes(safetensors.torch.save({**weights, "head.bias": bias, "tail": bias.clone()}))
    refused(folder, "model.safetensors", "tail")
    path.write_bytes(safetensors.torch.save({**weights, "head.bias": bias[:-1]}))
    refused(folder, "model.safetensors", "head.bias")


def test_other_or_damaged_tokens_are_refused(folder: Path, recognizer: Recognizer) -> None:
    path = folder / "tokens.model"
    same_size = char_tokens([text.replace("S", "Z") for text in TEXTS])
    assert len(same_size) == len(recognizer.tokens)
    for other in (same_size.model, char_tokens(["THE CAT"]).model):
        path.write_bytes(other)
        refused(folder, "tokens.model: not the tokens that the weights were trained with")
    for damaged in (b"", b"no tokens", recognizer.tokens.model[:-100]):
        path.write_bytes(damaged)
        refused(folder, "tokens.model", "copy the whole model folder again")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.to(torch.int32), "is of type torch.int32, expected torch.float32"),
        (lambda weights: weights.to(torch.complex64), "is of type torch.complex64, expected torch.float32"),
        (lambda weights: weights.to(torch.float64), "is of type torch.float64, expected torch.float32"),
        (lambda weights: weights / 0, "holds numbers that are not finite"),
        (lambda weights: weights + 1, "its checksum is wrong"),
    ],
)
def test_weights_that_are_no_weights_of_this_model_are_refused(
    folder: Path, change: Callable[[Tensor], Tensor], message: str
) -> None:
    path = folder / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    path.write_bytes(safetensors.torch.save({**weights, "head.weight": change(weights["head.weight"])}))
    refused(folder, "model.safetensors: damaged", message)


def test_a_model_of_an_older_version_has_no_checksum_and_is_read(folder: Path, recognizer: Recognizer) -> None:
    config = json.loads((folder / "config.json").read_text())
    del config["weights_sha256"]
    (folder / "config.json").write_text(json.dumps(config))
    assert same(Recognizer.load(folder), recognizer)


@pytest.mark.parametrize("depth", [200, 100_000])
def test_a_config_that_is_nested_too_deep_or_asks_for_too_much_is_refused(folder: Path, depth: int) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "model": {**config["model"], "hidden_size": 8000}}))
    refused(folder, "model.safetensors: damaged", "too few bytes for the 1,5")
    path.write_text("[" * depth + "]" * depth)
    refused(folder, "config.json: not readable as JSON")
