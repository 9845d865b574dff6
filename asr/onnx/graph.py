"""A network as an ONNX graph, written as one writes NumPy: `(frames - mean) * mask`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from asr.onnx.protobuf import message

OPSET, IR_VERSION = 17, 8  # ONNX 1.12, of 2022: the first with STFT and LayerNormalization
_TYPES = {"float32": 1, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float64": 11}  # TensorProto.DataType

Dimensions: TypeAlias = Sequence[int | str]
Operand: TypeAlias = "Value | npt.NDArray[np.generic] | None"  # None: an optional input that is left out
Attribute: TypeAlias = "int | float | str | Sequence[int] | Graph"


class Value:
    """What flows along an edge of a graph: the name of a tensor, with arithmetic that adds nodes to the graph."""

    def __init__(self, graph: "Graph", name: str) -> None:
        self.graph, self.name = graph, name

    def __add__(self, other: Operand) -> "Value":
        return self.graph.op("Add", self, other)

    def __sub__(self, other: Operand) -> "Value":
        return self.graph.op("Sub", self, other)

    def __mul__(self, other: Operand) -> "Value":
        return self.graph.op("Mul", self, other)

    def __truediv__(self, other: Operand) -> "Value":
        return self.graph.op("Div", self, other)

    def __matmul__(self, other: Operand) -> "Value":
        return self.graph.op("MatMul", self, other)

    def __neg__(self) -> "Value":
        return self.graph.op("Neg", self)

    def __lt__(self, other: Operand) -> "Value":
        return self.graph.op("Less", self, other)

    def cast(self, dtype: str) -> "Value":
        """The same numbers as another type."""
        return self.graph.op("Cast", self, to=_TYPES[dtype])

    def transpose(self, *axes: int) -> "Value":
        """The axes in another order."""
        return self.graph.op("Transpose", self, perm=axes)

    def reshape(self, *shape: int) -> "Value":
        """Another shape: 0 keeps a size, -1 is what is left."""
        return self.graph.op("Reshape", self, np.array(shape))

    def gather(self, *indices: int) -> "Value":
        """These of the first axis, in this order."""
        return self.graph.op("Gather", self, np.array(indices))

    def unsqueeze(self, *axes: int) -> "Value":
        """New axes of size 1."""
        return self.graph.op("Unsqueeze", self, np.array(axes))

    def size(self, axis: int) -> "Value":
        """The number of elements along an axis, a scalar."""
        return self.graph.op("Gather", self.graph.op("Shape", self), np.array(axis))

    def split(self, count: int) -> list["Value"]:
        """Equal parts along the last axis."""
        return self.graph.outputs(count, "Split", self, axis=-1)

    def sigmoid(self) -> "Value":
        """The logistic function."""
        return self.graph.op("Sigmoid", self)

    def sum(self, axis: int) -> "Value":
        """The sum over an axis, which stays with size 1."""
        return self.graph.op("ReduceSum", self, np.array([axis]), keepdims=1)


class Graph:
    """Nodes and constants, in the order in which they were added; `to_bytes` is the ONNX file."""

    def __init__(self, name: str, prefix: str = "") -> None:
        """`prefix`: of all names in it, for a graph within another one."""
        self.name, self._prefix = name, prefix
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._num_values = 0

    def input(self, name: str, dtype: str, shape: Dimensions | None) -> Value:
        """An input; a dimension with a name is any size, and None is any shape."""
        self._inputs.append(_value_info(name, dtype, shape))
        return Value(self, name)

    def output(self, value: Value, name: str, dtype: str, shape: Dimensions | None) -> None:
        """Make a value an output of the graph."""
        self._add_node("Identity", [value.name], [name], {})
        self._outputs.append(_value_info(name, dtype, shape))

    def constant(self, array: npt.NDArray[np.generic]) -> Value:
        """A tensor that the graph's file holds."""
        name = self._new_name("constant")
        raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
        self._constants.append(message({1: array.shape, 2: _TYPES[array.dtype.name], 8: name, 9: raw}))
        return Value(self, name)

    def external(self, name: str, array: npt.NDArray[np.generic], file_name: str, offset: int) -> Value:
        """A tensor that another file holds, from `offset` bytes on; `array` gives its type and shape."""
        place = {"location": file_name, "offset": str(offset), "length": str(array.nbytes)}
        entries = [message({1: key, 2: value}) for key, value in place.items()]
        self._constants.append(
            message({1: array.shape, 2: _TYPES[array.dtype.name], 8: name, 13: entries, 14: 1})  # 1: external
        )
        return Value(self, name)

    def op(self, kind: str, *inputs: Operand, **attributes: Attribute) -> Value:
        """The only output of a node that is wanted; arrays become constants."""
        return self.outputs(1, kind, *inputs, **attributes)[0]

    def outputs(self, count: int, kind: str, *inputs: Operand, **attributes: Attribute) -> list[Value]:
        """The first `count` outputs of a node."""
        found = [Value(self, self._new_name(kind)) for _ in range(count)]
        self._add_node(kind, [self._name_of(each) for each in inputs], [each.name for each in found], attributes)
        return found

    def scan(self, step: "Step", states: Sequence[Value], sequences: Sequence[Value]) -> tuple[Value, list[Value]]:
        """A loop over the first axis of the sequences (ONNX's Scan). `step` takes the states and the next element of
        each sequence, and gives an output and the states after it; it may use values of this graph.

        Returns all outputs along a first axis, and the states at the end.
        """
        name = self._new_name("Scan")
        body = Graph(name, prefix=f"{name}.")
        before = [body.input(f"{name}.before_{number}", "float32", None) for number in range(len(states))]
        row = [body.input(f"{name}.row_{number}", "float32", None) for number in range(len(sequences))]
        output, after = step(before, row)
        for number, value in enumerate([*after, output]):
            body.output(value, f"{name}.after_{number}", "float32", None)
        found = self.outputs(len(states) + 1, "Scan", *states, *sequences, body=body, num_scan_inputs=len(sequences))
        return found[-1], found[:-1]

    def to_bytes(self) -> bytes:
        """The ONNX file (a ModelProto)."""
        return message({1: IR_VERSION, 2: "asr", 7: self.to_message(), 8: message({1: "", 2: OPSET})})

    def to_message(self) -> bytes:
        """The graph alone (a GraphProto)."""
        return message({1: self._nodes, 2: self.name, 5: self._constants, 11: self._inputs, 12: self._outputs})

    def _name_of(self, operand: Operand) -> str:
        if operand is None:
            return ""
        return operand.name if isinstance(operand, Value) else self.constant(operand).name

    def _new_name(self, kind: str) -> str:
        self._num_values += 1
        return f"{self._prefix}{kind}_{self._num_values}"

    def _add_node(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Attribute]
    ) -> None:
        written = [_attribute(name, value) for name, value in attributes.items()]
        self._nodes.append(message({1: inputs, 2: outputs, 3: outputs[0], 4: kind, 5: written}))


Step: TypeAlias = Callable[[Sequence[Value], Sequence[Value]], tuple[Value, Sequence[Value]]]
"""Of a loop: states, and an element of each sequence -> an output, and the states after it."""


def _attribute(name: str, value: Attribute) -> bytes:
    match value:
        case int():
            return message({1: name, 3: value, 20: 2})
        case float():
            return message({1: name, 2: value, 20: 1})
        case str():
            return message({1: name, 4: value, 20: 3})
        case Graph():
            return message({1: name, 6: value.to_message(), 20: 5})
        case _:
            return message({1: name, 8: value, 20: 7})


def _value_info(name: str, dtype: str, shape: Dimensions | None) -> bytes:
    if shape is None:
        return message({1: name, 2: message({1: message({1: _TYPES[dtype]})})})
    dimensions = [message({2 if isinstance(size, str) else 1: size}) for size in shape]
    tensor = message({1: _TYPES[dtype], 2: message({1: dimensions})})
    return message({1: name, 2: message({1: tensor})})
