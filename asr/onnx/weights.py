"""The weights of a model as graphs take them: as they were trained, or as int8 with a scale for each output channel."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from asr.int8_weights import quantise
from asr.onnx.graph import Graph, Value

Array: TypeAlias = npt.NDArray[np.float32]


class Weights:
    """Weights by their names in `model.safetensors`. Matrices go into a file of their own, `file_name`, which several
    graphs share; `to_bytes` is its content. It holds what graphs have asked for, each once.
    """

    def __init__(self, arrays: Mapping[str, Array], *, int8: bool, file_name: str) -> None:
        self._arrays, self._int8, self._file_name = arrays, int8, file_name
        self._unused = set(arrays)
        self._offsets: dict[str, int] = {}
        self._content = bytearray()

    def __getitem__(self, name: str) -> Array:
        """The weights of this name, for a constant of the graph itself if they are few.

        Raises:
            ValueError: there are none.
        """
        if name not in self._arrays:
            raise ValueError(f"{name} is missing")
        self._unused.discard(name)
        return self._arrays[name]

    def refuse_unused(self) -> None:
        """
        Raises:
            ValueError: there are weights that no graph has asked for.
        """
        if self._unused:
            raise ValueError(f"{min(self._unused)} is not part of such a network")

    def matrix(self, graph: Graph, name: str) -> Value:
        """Weights (channels, inputs); more axes of inputs become one. As int8 they are expanded to float32 when ONNX
        Runtime loads the graph, once, so all arithmetic is that of float32 and no result depends on the batch.
        """
        weights = self[name].reshape(len(self[name]), -1)
        if not self._int8:
            return self._stored(graph, name, weights)
        whole, scales = quantise(weights)
        return self._stored(graph, f"{name}.int8", whole).cast("float32") * self._stored(graph, f"{name}.scale", scales)

    def to_bytes(self) -> bytes:
        """The file of the matrices."""
        return bytes(self._content)

    def _stored(self, graph: Graph, name: str, array: npt.NDArray[np.generic]) -> Value:
        if name not in self._offsets:
            self._content += bytes(-len(self._content) % 64)  # aligned, for whoever maps the file
            self._offsets[name] = len(self._content)
            self._content += array.astype(array.dtype.newbyteorder("<")).tobytes()
        return graph.external(name, array, self._file_name, self._offsets[name])
