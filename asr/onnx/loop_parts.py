"""What the loops of several families are made of."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from asr.onnx.graph import Graph, Step, Value
from asr.onnx.weights import Weights

Parts: TypeAlias = tuple[Callable[[Value], Sequence[Value]], Step]
"""Of a family: what is computed of all frames at once, (frames, batch, inputs) -> sequences, and one step of the loop.
"""


def linear(graph: Graph, weights: Weights, name: str) -> Callable[[Value], Value]:
    """PyTorch's `Linear`, to be used more than once."""
    matrix, bias = weights.matrix(graph, f"{name}.weight").transpose(1, 0), weights[f"{name}.bias"]
    return lambda frames: frames @ matrix + bias


def number(value: float) -> npt.NDArray[np.float32]:
    """A constant of a graph."""
    return np.array(value, np.float32)
