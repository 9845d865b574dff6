"""The recurrences as ONNX has them: `asr/recurrent/`, its gates in another order."""

import numpy as np

from asr.model_settings import ModelSettings
from asr.onnx.graph import Graph, Value
from asr.onnx.weights import Array, Weights

# Where each of ONNX's gates is among PyTorch's. LSTM: input, output, forget, cell among input, forget, cell, output;
# GRU: update, reset, new among reset, update, new.
_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


def bidirectional(frames: Value, num_frames: Value, settings: ModelSettings, weights: Weights, name: str) -> Value:
    """`asr.recurrent.bidirectional.Bidirectional` with time first: (frames, batch, inputs) to (frames, batch, outputs).

    ONNX reverses each utterance by its own length, and gives zeros beyond.
    """
    graph, kind = frames.graph, settings.recurrence.kind
    cells = [f"{name}.{direction}_cell" for direction in ("forward", "backward")]
    inputs, recurrent = (
        graph.op("Concat", *(_gates(graph, weights, f"{cell}.{part}", kind) for cell in cells), axis=0)
        for part in ("weight_ih_l0", "weight_hh_l0")
    )
    biases = np.stack([_biases(weights, cell, kind) for cell in cells])
    more = {"linear_before_reset": 1} if kind == "gru" else {}
    outputs = graph.op(
        kind.upper(), frames, inputs, recurrent, biases, num_frames.cast("int32"),
        direction="bidirectional", hidden_size=settings.hidden_size, **more,
    )  # (frames, directions, batch, outputs)  # fmt: skip
    return outputs.transpose(0, 2, 1, 3).reshape(0, 0, -1)


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
