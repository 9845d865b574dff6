"""Stage 3 as graphs: log-mel frames -> log-probabilities, of whole utterances and of chunks; `asr/model.py` in ONNX."""

import numpy as np

from asr.model_settings import ModelSettings
from asr.onnx.graph import Dimensions, Graph, Value
from asr.onnx.layers import head, layer_norm, subsample
from asr.onnx.recurrent import bidirectional, chunk
from asr.onnx.states import state_sizes
from asr.onnx.weights import Weights


def network_graph(settings: ModelSettings, weights: Weights) -> Graph:
    """Inputs: `frames` (batch, frames, mels), normalised, and `num_frames` (batch). Outputs: `log_probs` (batch,
    subframes, vocab), without meaning beyond `num_subframes` (batch).
    """
    graph = Graph("network")
    frames, num_frames = _frames_inputs(graph, settings)
    encoded, num_subframes = subsample(frames, num_frames, settings, weights)
    for number in range(settings.num_layers):
        normed = layer_norm(encoded, f"layers.{number}.norm", weights)
        encoded = bidirectional(normed, num_subframes, settings, weights, f"layers.{number}.body")
    graph.output(head(encoded, weights), "log_probs", "float32", _shape_of_log_probs(weights))
    graph.output(num_subframes, "num_subframes", "int64", ["batch"])
    return graph


def stream_graph(settings: ModelSettings, weights: Weights) -> Graph:
    """`asr.model.AcousticModel.encode_chunk`. Inputs: `frames` and `num_frames` as for the whole, with the context
    before the chunk, `num_before` and `num_outputs` (batch), `size` (1), and the parts of the state, as `hidden`
    (batch, layers, hidden). Outputs: `log_probs`, and the state, as `hidden_after`.
    """
    graph, sizes = Graph("stream"), state_sizes(settings)
    frames, num_frames = _frames_inputs(graph, settings)
    num_before = graph.input("num_before", "int64", ["batch"])
    num_outputs = graph.input("num_outputs", "int64", ["batch"])
    size = graph.input("size", "int64", [1])
    states = [
        graph.input(name, "float32", ["batch", settings.num_layers, each]).transpose(1, 0, 2)
        for name, each in sizes.items()
    ]
    encoded, _ = subsample(frames, num_frames, settings, weights, num_before=num_before)
    most = graph.op("ReduceMax", num_outputs, axes=[0], keepdims=1)
    encoded = graph.op("Slice", encoded, np.array([0]), most, np.array([0]))
    afters: list[list[Value]] = []
    for number in range(settings.num_layers):
        normed = layer_norm(encoded, f"layers.{number}.norm", weights)
        before = [state.gather(number) for state in states]
        encoded, after = chunk(
            normed, num_outputs, size, before, settings=settings, weights=weights, name=f"layers.{number}.body"
        )
        afters.append(after)
    graph.output(head(encoded, weights), "log_probs", "float32", _shape_of_log_probs(weights))
    for (name, width), each in zip(sizes.items(), zip(*afters, strict=True), strict=True):
        after_all = graph.op("Concat", *each, axis=0).transpose(1, 0, 2)
        graph.output(after_all, f"{name}_after", "float32", ["batch", settings.num_layers, width])
    return graph


def _frames_inputs(graph: Graph, settings: ModelSettings) -> tuple[Value, Value]:
    frames = graph.input("frames", "float32", ["batch", "frames", settings.features.num_mels])
    return frames, graph.input("num_frames", "int64", ["batch"])


def _shape_of_log_probs(weights: Weights) -> Dimensions:
    return ["batch", "subframes", len(weights["head.bias"])]
