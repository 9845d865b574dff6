"""Weights as int8 in a model folder: both engines read them, as exact as int8 allows; what is broken is refused."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from asr.engine import WEIGHTS
from asr.errors import ModelError
from asr.int8_weights import expanded, quantise, with_int8
from asr.model_folder import read_model_folder
from asr.model_saving import export_model_folder, write_model_folder
from asr.onnx.export import GRAPHS
from asr.stored_network import EngineName
from asr.torch_engine import TorchEngine
from tests.support.model_folders import edit_config
from tests.support.onnx_models import with_int8_weights


@given(st.integers(0, 10**6), st.floats(1e-6, 1e3))
def test_products_are_within_half_a_scale(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    weights = (size * rng.normal(size=(7, 11)) * rng.uniform(0.01, 1, (7, 1))).astype(np.float32)
    whole, scales = quantise(weights)
    assert whole.dtype == np.int8
    assert np.abs(whole.astype(int)).max(axis=1).tolist() == [127] * 7  # each channel has its own scale
    assert (np.abs(whole * scales - weights) <= 0.5001 * scales).all()


def test_a_channel_of_zeros_stays_zero() -> None:
    whole, scales = quantise(np.zeros((2, 3), np.float32))
    assert np.array_equal(whole * scales, np.zeros((2, 3)))


def test_twice_is_once_and_vectors_keep_all_digits() -> None:
    rng = np.random.default_rng(1)
    arrays = {"a": rng.normal(size=(5, 3, 3, 3)), "b": rng.normal(size=(4, 9)), "c": rng.normal(size=30)}
    content = safetensors.numpy.save({name: array.astype(np.float32) for name, array in arrays.items()})
    once = with_int8(content)
    assert with_int8(once) == once
    found = expanded(safetensors.numpy.load(once))
    assert found.keys() == arrays.keys()
    assert found["a"].shape == (5, 3, 3, 3)
    assert np.array_equal(found["c"], arrays["c"].astype(np.float32))
    assert with_int8(safetensors.numpy.save(found)) == once


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """The tiny model, with int8 weights."""
    write_model_folder(tmp_path / "int8", read_model_folder(model_folder), int8=True)
    return tmp_path / "int8"


def test_both_engines_read_them(model_folder: Path, folder: Path) -> None:
    whole = read_model_folder(model_folder, engine="torch").engine
    assert isinstance(whole, TorchEngine)
    waveforms = [np.random.default_rng(n).normal(0, 0.1, 8000 + n).astype(np.float32) for n in range(2)]
    rounded = with_int8_weights(whole).log_probs(waveforms)
    for found, expected in zip(
        read_model_folder(folder, engine="torch").engine.log_probs(waveforms), rounded, strict=True
    ):
        assert np.array_equal(found, expected)
    for found, expected in zip(
        read_model_folder(folder, engine="onnx").engine.log_probs(waveforms), rounded, strict=True
    ):
        assert np.abs(found - expected).max() < 1e-4


def test_what_is_exported_of_them_is_the_same(model_folder: Path, folder: Path, tmp_path: Path) -> None:
    write_model_folder(tmp_path / "float", read_model_folder(model_folder))
    whole, small = export_model_folder(tmp_path / "float"), export_model_folder(folder)
    assert [name for name in GRAPHS if whole[name] != small[name]] == []


def test_saved_again_they_are_whole(model_folder: Path, folder: Path, tmp_path: Path) -> None:
    """A fine-tuning goes on from them."""
    write_model_folder(tmp_path / "again", read_model_folder(folder, engine="torch"))
    names = safetensors.numpy.load((model_folder / WEIGHTS).read_bytes()).keys()
    assert safetensors.numpy.load((tmp_path / "again" / WEIGHTS).read_bytes()).keys() == names


def changed(folder: Path, change: Any) -> None:
    arrays: dict[str, npt.NDArray[Any]] = safetensors.numpy.load((folder / WEIGHTS).read_bytes())
    change(arrays)
    (folder / WEIGHTS).write_bytes(safetensors.numpy.save(arrays))
    edit_config(folder, weights_sha256=None)


HEAD = "head.weight"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda arrays: arrays.pop(f"{HEAD}.scale"), f"{HEAD}.scale is missing"),
        (lambda arrays: arrays.pop(f"{HEAD}.int8"), f"{HEAD}.int8 is missing"),
        (
            lambda arrays: arrays.update({f"{HEAD}.int8": arrays[f"{HEAD}.int8"].astype(np.int32)}),
            "int32, expected int8",
        ),
        (lambda arrays: arrays.update({f"{HEAD}.scale": arrays[f"{HEAD}.scale"][:1]}), "has the shape (1, 1)"),
        (lambda arrays: arrays[f"{HEAD}.scale"].fill(np.nan), "not finite"),
    ],
)
@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_broken_ones_are_refused(folder: Path, engine: EngineName, change: Any, reason: str) -> None:
    changed(folder, change)
    with pytest.raises(ModelError, match=rf"{WEIGHTS}: damaged.*{re.escape(reason)}"):
        read_model_folder(folder, engine=engine)
