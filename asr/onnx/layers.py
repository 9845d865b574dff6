"""The parts of the network that are not recurrent, as graphs: `asr/subsampling.py` and the ends of `asr/model.py`.

Within the network, time is the first axis, as ONNX's recurrences want it: (subframes, batch, width).
"""

import numpy as np

from asr.model_settings import STRIDES, ModelSettings, frames_before
from asr.onnx.graph import Value
from asr.onnx.weights import Weights


def frame_mask(num_frames: Value, max_frames: Value) -> Value:
    """True where a frame belongs to its utterance (batch, frames); `asr.features.frame_mask`."""
    positions = num_frames.graph.op("Range", np.array(0), max_frames, np.array(1))
    return positions < num_frames.unsqueeze(1)


def subsample(
    frames: Value, num_frames: Value, settings: ModelSettings, weights: Weights, *, num_before: Value | None = None
) -> tuple[Value, Value]:
    """`asr.subsampling.Subsampling`: (subframes, batch, width) and the numbers of subframes.

    With `num_before`, of a chunk (`Subsampling.run_chunk`): the output has none of the context before it, but the
    numbers count it.
    """
    graph, maps = frames.graph, frames.unsqueeze(1)
    context = 0 if num_before is None else frames_before(settings.subsampling)
    missing = None if num_before is None else num_before * np.array(-1) + np.array(context)
    for number, stride in enumerate(STRIDES[settings.subsampling]):
        inside = frame_mask(num_frames, maps.size(2)).cast("float32")
        if missing is not None:
            inside, missing = inside - frame_mask(missing, maps.size(2)).cast("float32"), missing / np.array(stride)
        maps = _convolve(maps * inside.unsqueeze(1, 3), f"subsampling.convolutions.{number}", stride, weights)
        num_frames, context = (num_frames + np.array(stride - 1)) / np.array(stride), context // stride
    after = graph.op("Slice", maps, np.array([context]), np.array([np.iinfo(np.int64).max]), np.array([2]))
    return linear(after.transpose(2, 0, 1, 3).reshape(0, 0, -1), "subsampling.projection", weights), num_frames


def _convolve(maps: Value, name: str, stride: int, weights: Weights) -> Value:
    kernel, graph = weights[f"{name}.weight"].shape, maps.graph
    padding = [kernel[2] // 2, 1]  # over time and over bands, on either side
    matrix, bias = weights.matrix(graph, f"{name}.weight"), weights[f"{name}.bias"]
    return graph.op(
        "Relu", graph.op("Conv", maps, matrix.reshape(*kernel), bias, strides=[stride, 2], pads=padding * 2)
    )


def layer_norm(frames: Value, name: str, weights: Weights) -> Value:
    """PyTorch's `LayerNorm`."""
    scale, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return frames.graph.op("LayerNormalization", frames, scale, bias, axis=-1, epsilon=1e-5)


def linear(frames: Value, name: str, weights: Weights) -> Value:
    """PyTorch's `Linear`."""
    return frames @ weights.matrix(frames.graph, f"{name}.weight").transpose(1, 0) + weights[f"{name}.bias"]


def head(encoded: Value, weights: Weights) -> Value:
    """`asr.model.AcousticModel.log_probs`: (batch, subframes, vocab)."""
    logits = linear(layer_norm(encoded, "norm", weights), "head", weights)
    return encoded.graph.op("LogSoftmax", logits.transpose(1, 0, 2), axis=-1)
