"""Stage 3 as a graph: log-mel frames -> log-probabilities, as `asr/model.py` and what it is made of."""

import numpy as np

from asr.model_settings import STRIDES, ModelSettings
from asr.onnx.graph import Graph, Value
from asr.onnx.masks import frame_mask
from asr.onnx.recurrent import bidirectional
from asr.onnx.weights import Weights


def network_graph(settings: ModelSettings, weights: Weights) -> Graph:
    """Inputs: `frames` (batch, frames, mels), normalised, and `num_frames` (batch). Outputs: `log_probs` (batch,
    subframes, vocab), without meaning beyond `num_subframes` (batch).
    """
    graph = Graph("network")
    frames = graph.input("frames", "float32", ["batch", "frames", settings.features.num_mels])
    num_frames = graph.input("num_frames", "int64", ["batch"])
    encoded, num_subframes = _subsample(frames, num_frames, settings, weights)
    encoded = encoded.transpose(1, 0, 2)  # ONNX's recurrences want time first
    for number in range(settings.num_layers):
        layer = f"layers.{number}"
        normed = _layer_norm(encoded, f"{layer}.norm", weights)
        encoded = bidirectional(normed, num_subframes, settings, weights, f"{layer}.body")
    logits = _linear(_layer_norm(encoded, "norm", weights), "head", weights)
    log_probs = graph.op("LogSoftmax", logits.transpose(1, 0, 2), axis=-1)
    graph.output(log_probs, "log_probs", "float32", ["batch", "subframes", len(weights["head.bias"])])
    graph.output(num_subframes, "num_subframes", "int64", ["batch"])
    return graph


def _subsample(frames: Value, num_frames: Value, settings: ModelSettings, weights: Weights) -> tuple[Value, Value]:
    """`asr.subsampling.Subsampling`: (batch, subframes, width) and the numbers of subframes."""
    graph, maps = frames.graph, frames.unsqueeze(1)
    for number, stride in enumerate(STRIDES[settings.subsampling]):
        name = f"subsampling.convolutions.{number}"
        kernel = weights[f"{name}.weight"]
        size = kernel.shape[2]  # over time; that over bands is 3
        maps = maps * frame_mask(num_frames, maps.size(2)).cast("float32").unsqueeze(1, 3)
        padding = [size // 2, 1]
        maps = graph.op(
            "Conv", maps, weights.matrix(graph, f"{name}.weight").reshape(*kernel.shape), weights[f"{name}.bias"],
            strides=[stride, 2], pads=padding + padding,
        )  # fmt: skip
        maps = graph.op("Relu", maps)
        num_frames = (num_frames + np.array(stride - 1)) / np.array(stride)
    return _linear(maps.transpose(0, 2, 1, 3).reshape(0, 0, -1), "subsampling.projection", weights), num_frames


def _layer_norm(frames: Value, name: str, weights: Weights) -> Value:
    scale, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return frames.graph.op("LayerNormalization", frames, scale, bias, axis=-1, epsilon=1e-5)


def _linear(frames: Value, name: str, weights: Weights) -> Value:
    return frames @ weights.matrix(frames.graph, f"{name}.weight").transpose(1, 0) + weights[f"{name}.bias"]
