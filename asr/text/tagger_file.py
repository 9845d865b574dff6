"""A tagger on disk: one safetensors file, matrices as int8 with a scale for each row, everything else as metadata."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from asr.errors import ModelError, SettingsError
from asr.files import MAX_SIDE_BYTES, parse_json, read_bytes
from asr.text.tagger import NUM_OUTPUTS, Direction, Tagger, TaggerSettings

Array = npt.NDArray[Any]

FORMAT_VERSION = 1
_DIRECTIONS = ("forward", "backward")
_HEADER_BYTES = 8  # the length of the header of a safetensors file


def tagger_to_bytes(tagger: Tagger) -> bytes:
    """The contents of the file."""
    arrays: dict[str, Array] = {}
    for name, matrix in _matrices(tagger).items():
        arrays[name], arrays[f"{name}.scale"] = quantized(matrix)
    arrays |= _biases(tagger)
    content = {
        "format_version": FORMAT_VERSION,
        "settings": tagger.settings.model_dump(mode="json"),
        "vocabulary": list(tagger.vocabulary),
        "mixed": dict(tagger.mixed),
    }
    text = json.dumps(content)
    # One entry, as safetensors writes several in any order.
    metadata = {"tagger": json.dumps({"sha256": _digest(arrays, text), "content": text})}
    return safetensors.numpy.save(arrays, metadata)


def tagger_from_file(path: Path) -> Tagger:
    """Read a tagger.

    Raises:
        ModelError: the file is missing, damaged, too large, or of another version.
    """
    data = bytes(read_bytes(path, ModelError, max_bytes=MAX_SIDE_BYTES))
    try:
        arrays, content = _contents(data)
        version = content["format_version"]
        if version == FORMAT_VERSION:
            return _tagger(arrays, content)
    except (safetensors.SafetensorError, SettingsError, LookupError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: damaged, or not a tagger ({reason}); copy the whole model folder again") from None
    raise ModelError(
        f"{path}: format_version is {version!r}, this asr reads {FORMAT_VERSION}; use the asr that wrote the model"
    )


def quantized(matrix: Array) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Whole numbers from -127 to 127, and what a step of each row is worth."""
    scale = np.maximum(np.abs(matrix).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
    return np.rint(matrix / scale[:, None]).astype(np.int8), scale


def _contents(data: bytes) -> tuple[dict[str, Array], dict[str, Any]]:
    arrays = safetensors.numpy.load(data)
    length = int.from_bytes(data[:_HEADER_BYTES], "little")
    signed = parse_json(parse_json(data[_HEADER_BYTES : _HEADER_BYTES + length])["__metadata__"]["tagger"])
    if signed["sha256"] != _digest(arrays, signed["content"]):
        raise ValueError("its checksum is wrong")
    content = parse_json(signed["content"])
    if not isinstance(content, dict):
        raise ValueError("its description is not an object")
    return arrays, content


def _digest(arrays: Mapping[str, Array], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}\n".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def _tagger(arrays: Mapping[str, Array], content: Mapping[str, Any]) -> Tagger:
    def matrix(name: str) -> npt.NDArray[np.float32]:
        return arrays[name].astype(np.float32) * arrays[f"{name}.scale"][:, None]

    def direction(layer: int, name: str) -> Direction:
        at = f"layers.{layer}.{name}"
        return Direction(matrix(f"{at}.inputs"), matrix(f"{at}.recurrent"), arrays[f"{at}.bias"])

    num_layers = sum(name.endswith("forward.bias") for name in arrays)
    tagger = Tagger(
        TaggerSettings.parse(content["settings"], source="settings"),
        tuple(content["vocabulary"]),
        content["mixed"],
        matrix("words"),
        matrix("letters"),
        [(direction(layer, "forward"), direction(layer, "backward")) for layer in range(num_layers)],
        matrix("output"),
        arrays["output_bias"],
    )
    if len(tagger.output) != NUM_OUTPUTS or len(tagger.words) != len(tagger.vocabulary):
        raise ValueError("its parts do not fit together")
    return tagger


def _matrices(tagger: Tagger) -> dict[str, Array]:
    matrices = {"words": tagger.words, "letters": tagger.letters, "output": tagger.output}
    for layer, directions in enumerate(tagger.layers):
        for name, direction in zip(_DIRECTIONS, directions, strict=True):
            matrices[f"layers.{layer}.{name}.inputs"] = direction.inputs
            matrices[f"layers.{layer}.{name}.recurrent"] = direction.recurrent
    return matrices


def _biases(tagger: Tagger) -> dict[str, Array]:
    biases: dict[str, Array] = {"output_bias": tagger.output_bias}
    for layer, directions in enumerate(tagger.layers):
        for name, direction in zip(_DIRECTIONS, directions, strict=True):
            biases[f"layers.{layer}.{name}.bias"] = direction.bias
    return biases
