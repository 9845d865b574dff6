"""The recurrences as ONNX has them: `asr/recurrent/`, with time the first axis.

LSTM and GRU are operators of ONNX, their gates in another order; all others are a loop (`loops.py`).
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from asr.model_settings import ModelSettings
from asr.onnx.graph import Graph, Value
from asr.onnx.loops import make_loop
from asr.onnx.weights import Array, Weights

# Where each of ONNX's gates is among PyTorch's. LSTM: input, output, forget, cell among input, forget, cell, output;
# GRU: update, reset, new among reset, update, new.
_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


@runtime_checkable
class Cells(Protocol):
    """The recurrence of one layer in one direction or both, ready for use at several places of a graph."""

    def run(
        self, frames: Value, num_frames: Value | None = None, state: Sequence[Value] = ()
    ) -> tuple[Value, list[Value]]:
        """(frames, batch, inputs) -> (frames, batch, outputs), without meaning beyond `num_frames`, and the state at
        the end, each part (1, batch, size), if one is given for the start.
        """


def make_cells(graph: Graph, settings: ModelSettings, weights: Weights, name: str, *directions: str) -> Cells:
    """`directions`: "forward", "backward". Each utterance is reversed by its own length."""
    kind = Operator if settings.recurrence.kind in _GATES else Looped
    return kind(graph, settings, weights, name, *directions)


class Operator:
    """An operator of ONNX. What it gives beyond `num_frames` is zero."""

    def __init__(self, graph: Graph, settings: ModelSettings, weights: Weights, name: str, *directions: str) -> None:
        self.kind, self.hidden_size = settings.recurrence.kind, settings.hidden_size
        cells = [f"{name}.{direction}_cell" for direction in directions]
        self.direction = (
            "bidirectional" if len(cells) == 2 else {"forward": "forward", "backward": "reverse"}[directions[0]]
        )
        self.inputs, self.recurrent = (
            graph.op("Concat", *(_gates(graph, weights, f"{cell}.{part}", self.kind) for cell in cells), axis=0)
            for part in ("weight_ih_l0", "weight_hh_l0")
        )
        self.biases = np.stack([_biases(weights, cell, self.kind) for cell in cells])

    def run(
        self, frames: Value, num_frames: Value | None = None, state: Sequence[Value] = ()
    ) -> tuple[Value, list[Value]]:
        more = {"linear_before_reset": 1} if self.kind == "gru" else {}
        outputs, *after = frames.graph.outputs(
            1 + len(state), self.kind.upper(),
            frames, self.inputs, self.recurrent, self.biases, num_frames and num_frames.cast("int32"), *state,
            direction=self.direction, hidden_size=self.hidden_size, **more,
        )  # fmt: skip
        return outputs.transpose(0, 2, 1, 3).reshape(0, 0, -1), after  # from (frames, directions, batch, hidden)


class Looped:
    """A loop over the frames; backwards, over those of each utterance reversed."""

    def __init__(self, graph: Graph, settings: ModelSettings, weights: Weights, name: str, *directions: str) -> None:
        self.loops = {each: make_loop(graph, settings, weights, f"{name}.{each}_cell") for each in directions}

    def run(
        self, frames: Value, num_frames: Value | None = None, state: Sequence[Value] = ()
    ) -> tuple[Value, list[Value]]:
        graph, outputs = frames.graph, []
        after: list[Value] = []
        for direction, loop in self.loops.items():
            ahead = direction == "forward"
            start = [graph.op("Squeeze", each, np.array([0])) for each in state] or loop.start(frames.size(1))
            found, after = graph.scan(
                loop.step, start, loop.sequences(frames if ahead else _turned(frames, num_frames))
            )
            outputs.append(found if ahead else _turned(found, num_frames))
        return graph.op("Concat", *outputs, axis=2), [each.unsqueeze(0) for each in after]


def _turned(frames: Value, num_frames: Value | None) -> Value:
    """(frames, batch, size): `asr.recurrent.bidirectional.reversal`, applied."""
    return frames.graph.op("ReverseSequence", frames, num_frames, time_axis=0, batch_axis=1)


def bidirectional(frames: Value, num_frames: Value, settings: ModelSettings, weights: Weights, name: str) -> Value:
    """`asr.recurrent.bidirectional.Bidirectional.forward`."""
    return make_cells(frames.graph, settings, weights, name, "forward", "backward").run(frames, num_frames)[0]


def chunk(
    frames: Value,
    num_frames: Value,
    size: Value,
    state: Sequence[Value],
    *,
    settings: ModelSettings,
    weights: Weights,
    name: str,
) -> tuple[Value, list[Value]]:
    """`asr.recurrent.bidirectional.Bidirectional.run_chunks`, of one chunk: `size` (1) frames and a right context."""
    graph = frames.graph
    forward, backward = (make_cells(graph, settings, weights, name, direction) for direction in ("forward", "backward"))
    zero, axis, width = np.array([0]), np.array([0]), frames.size(0).unsqueeze(0)
    # A recurrence takes no sequence of length 0, so the right context has one frame more than is used.
    longer = graph.op("Pad", frames, np.array([0, 0, 0, 1, 0, 0]))
    cut = graph.op("Min", size, width)
    ahead, after = forward.run(graph.op("Slice", longer, zero, cut, axis), None, state)
    context, _ = forward.run(graph.op("Slice", longer, cut, width + np.array(1), axis), None, after)
    ahead = graph.op("Slice", graph.op("Concat", ahead, context, axis=0), zero, width, axis)
    back, _ = backward.run(frames, num_frames)
    return graph.op("Concat", ahead, back, axis=2), after


def _gates(graph: Graph, weights: Weights, name: str, kind: str) -> Value:
    """(1, gates and hidden, inputs), the gates in ONNX's order."""
    num_gates, num_inputs = len(_GATES[kind]), weights[name].shape[1]
    gates = weights.matrix(graph, name).reshape(num_gates, -1, num_inputs)
    return gates.gather(*_GATES[kind]).reshape(1, -1, num_inputs)


def _biases(weights: Weights, cell: str, kind: str) -> Array:
    """Both biases, one after the other, the gates in ONNX's order."""
    order = list(_GATES[kind])
    both = [weights[f"{cell}.{part}"].reshape(len(order), -1)[order] for part in ("bias_ih_l0", "bias_hh_l0")]
    return np.concatenate(both).reshape(-1)
