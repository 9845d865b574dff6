"""Weights as int8, with a scale for each output channel: a quarter of the size. Free of torch.

In a file of weights, `NAME.int8` and `NAME.scale` stand for `NAME`; their product is taken as the file is read, so all
arithmetic is that of float32.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from jaxtyping import Float32, Int8

Array = TypeVar("Array")
_INT8, _SCALE = ".int8", ".scale"
_FEATURES = "features."


def quantise(
    weights: Float32[np.ndarray, "channels inputs"],
) -> tuple[Int8[np.ndarray, "channels inputs"], Float32[np.ndarray, "channels 1"]]:
    """Whole numbers from -127 to 127, and a scale for each output channel; their products are the weights to half a
    scale. Symmetric, so that zero stays zero.
    """
    scales = np.abs(weights).max(axis=1, keepdims=True) / np.float32(127)
    scales[scales == 0] = 1
    return np.rint(weights / scales).astype(np.int8), scales


def with_int8(content: bytes) -> bytes:
    """A file of weights (safetensors) with its matrices as int8. Those that are int8 already stay as they are, and so
    do the filters of the features, which were not learnt.
    """
    small: dict[str, npt.NDArray[Any]] = {}
    for name, array in safetensors.numpy.load(content).items():
        if array.ndim < 2 or name.startswith(_FEATURES) or name.endswith((_INT8, _SCALE)):
            small[name] = array
            continue
        whole, scales = quantise(array.reshape(len(array), -1))
        small[name + _INT8] = whole.reshape(array.shape)
        small[name + _SCALE] = scales.reshape(-1, *[1] * (array.ndim - 1))
    return safetensors.numpy.save(small)


def expanded(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Weights by their names, those of int8 as float32; arrays of NumPy or tensors.

    Raises:
        ValueError: an array of int8 has no scale, or the other way round, or the two do not fit.
    """
    found = {name: array for name, array in weights.items() if not name.endswith((_INT8, _SCALE))}
    names = {name.removesuffix(suffix) for suffix in (_INT8, _SCALE) for name in weights if name.endswith(suffix)}
    for name in names:
        for suffix in (_INT8, _SCALE):
            if name + suffix not in weights:
                raise ValueError(f"{name}{suffix} is missing")
        found[name] = _product(name, weights[name + _INT8], weights[name + _SCALE])
    return found


def _product(name: str, whole: Any, scales: Any) -> Any:
    if str(whole.dtype).removeprefix("torch.") != "int8":
        raise ValueError(f"{name}{_INT8} is of type {whole.dtype}, expected int8")
    shape = (*whole.shape[:1], *[1] * (whole.ndim - 1))
    if tuple(scales.shape) != shape:
        raise ValueError(f"{name}{_SCALE} has the shape {tuple(scales.shape)}, expected {shape}")
    return whole * scales
