"""The weights of a network -> the files of its ONNX form, which lie in the model folder, and back.

`features.onnx` and `network.onnx` are stages 2 and 3, `stream.onnx` is stage 3 for chunks of streams; the matrices of
both are in `onnx_weights.bin`; `onnx.json` says what all were made from.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Literal

from asr.errors import SettingsError
from asr.files import parse_json
from asr.model_settings import ModelSettings
from asr.onnx.features import features_graph
from asr.onnx.network import network_graph, stream_graph
from asr.onnx.weights import Array, Weights
from asr.settings import Settings

FORMAT_VERSION = 1
FEATURES, NETWORK, STREAM, MATRICES = "features.onnx", "network.onnx", "stream.onnx", "onnx_weights.bin"
GRAPHS = (FEATURES, NETWORK, STREAM, MATRICES)
RECORD = "onnx.json"


class ExportRecord(Settings):
    """`onnx.json`."""

    format_version: Literal[1]
    """Of these files."""
    weights_sha256: str
    """Of the `model.safetensors` that they were made from."""
    model: ModelSettings
    """Size of the network."""
    files: dict[str, str]
    """SHA-256 of each file."""


def make_graphs(
    settings: ModelSettings, arrays: Mapping[str, Array], *, sample_rate: int, int8: bool
) -> dict[str, bytes]:
    """The contents of `GRAPHS`, for weights by their current names.

    Raises:
        ValueError: the weights are not those of such a network.
    """
    weights = Weights(arrays, int8=int8, file_name=MATRICES)
    graphs = {
        FEATURES: features_graph(settings.features, weights, sample_rate),
        NETWORK: network_graph(settings, weights),
        STREAM: stream_graph(settings, weights),
    }
    weights.refuse_unused()
    return {**{name: graph.to_bytes() for name, graph in graphs.items()}, MATRICES: weights.to_bytes()}


def make_record(graphs: Mapping[str, bytes], settings: ModelSettings, *, weights_sha256: str) -> bytes:
    """The content of `RECORD`."""
    record = {
        "format_version": FORMAT_VERSION,
        "weights_sha256": weights_sha256,
        "model": settings.model_dump(mode="json"),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in graphs.items()},
    }
    return (json.dumps(record, indent=2) + "\n").encode()


def read_record(content: bytes) -> ExportRecord:
    """The inverse of `make_record`.

    Raises:
        ValueError: not readable, or of another version.
    """
    values = parse_json(content)
    version = values.get("format_version") if isinstance(values, dict) else None
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise ValueError(f"format_version is {version!r}, this asr reads {FORMAT_VERSION}")
    try:
        return ExportRecord.parse(values, source=RECORD)
    except SettingsError as error:
        raise ValueError(str(error)) from None
