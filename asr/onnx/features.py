"""Stage 2 as a graph: waveforms -> log-mel frames, as `asr/features.py`.

In float64 up to the normalised frames: where a loud tone leaves the other bands 100 dB below it, two float32 transforms
differ by 4e-3 in log-mel, which the network makes 0.16 in a log-probability (docs/decisions/0015-onnx.md).
"""

import math

import numpy as np

from asr.model_settings import FeatureSettings
from asr.normalisation import DECIBELS, FLOOR, LIMIT, SCALE, first_speech_band, num_loudest
from asr.onnx.graph import Graph, Value
from asr.onnx.layers import frame_mask
from asr.onnx.weights import Weights
from asr.speech_mean import FULL_DECIBELS, NO_DECIBELS


def features_graph(settings: FeatureSettings, weights: Weights, sample_rate: int) -> Graph:
    """Inputs: `waveforms` (batch, samples), zero beyond `num_samples` (batch). Outputs: `log_mel` before the mean is
    subtracted, and `frames`, both (batch, frames, mels); `num_frames` (batch).
    """
    graph = Graph("features")
    waveforms = graph.input("waveforms", "float32", ["batch", "samples"])
    num_samples = graph.input("num_samples", "int64", ["batch"])
    num_frames = num_samples / np.array(settings.hop(sample_rate)) + np.array(1)
    log_mel = _log_mel(waveforms, settings, weights, sample_rate)
    inside = frame_mask(num_frames, log_mel.size(1))
    frames = _normalise(log_mel, inside, settings, sample_rate)
    shape = ("batch", "frames", settings.num_mels)
    graph.output(log_mel.cast("float32"), "log_mel", "float32", shape)
    graph.output(frames.cast("float32"), "frames", "float32", shape)
    graph.output(num_frames, "num_frames", "int64", ["batch"])
    return graph


def _log_mel(waveforms: Value, settings: FeatureSettings, weights: Weights, sample_rate: int) -> Value:
    """The transform is a product with matrices: of so few samples, it is quicker than ONNX Runtime's FFT.

    Cosines about the middle of the window take the sums of two samples, and sines the differences: half the products.
    The first sample has no counterpart, and needs none, as a Hann window begins with 0.
    """
    window = weights["features.mel.spectrogram.window"].astype(np.float64)
    filters = weights["features.mel.mel_scale.fb"].astype(np.float64)
    graph, width, half = waveforms.graph, len(window), len(window) // 2
    frames = _frames(waveforms, width, settings.hop(sample_rate)) * window
    before, after = (
        graph.op("Slice", frames, *(np.array([n]) for n in (start, stop, 2, step)))
        for start, stop, step in ((1, half + 1, 1), (width - 1, width - half - 1, -1))
    )
    real = (before + after) @ _waves(graph, np.cos, width, len(filters))
    imaginary = (before - after) @ _waves(graph, np.sin, width, len(filters))
    power = (real * real + imaginary * imaginary) @ filters
    return graph.op("Log", power + np.array(FLOOR))


def _frames(waveforms: Value, width: int, hop: int) -> Value:
    """(batch, frames, width), one every `hop` samples, the first with sample 0 in the middle; zeros around.

    Taken in blocks, as large as can be, since ONNX Runtime copies one after the other.
    """
    graph, block, left = waveforms.graph, math.gcd(width, hop), (width + 1) // 2
    last = waveforms.size(1) / np.array(hop)
    right = last * np.array(hop) + np.array(width - left) - waveforms.size(1)
    pads = graph.op("Concat", np.array([0, left, 0]), right.unsqueeze(0), axis=0)
    blocks = graph.op("Pad", waveforms.cast("float64"), pads).reshape(0, -1, block)
    first = graph.op("Range", np.array(0), last + np.array(1), np.array(1)) * np.array(hop // block)
    return graph.op("Gather", blocks, first.unsqueeze(1) + np.arange(width // block), axis=1).reshape(0, -1, width)


def _waves(graph: Graph, wave: np.ufunc, width: int, num_frequencies: int) -> Value:
    """(half the width, frequencies): cosines or sines about the middle of a window.

    Made from one period when ONNX Runtime loads the graph: as constants they would be the most of its file.
    """
    period = 4 * (num_frequencies - 1)  # in half samples, as the middle may be between two
    halves = 2 * np.arange(1, width // 2 + 1)[:, None] - width
    steps = graph.op("Mod", graph.constant(halves) * np.arange(num_frequencies), np.array(period))
    waves = graph.op("Gather", wave(np.arange(period) * (2 * np.pi / period)), steps)
    return waves * np.where(halves == 0, 0.5, 1.0)  # the middle is its own counterpart


def _normalise(frames: Value, inside: Value, settings: FeatureSettings, sample_rate: int) -> Value:
    real = inside.cast("float64")
    if settings.mean_over == "utterance":
        return _less_mean(frames, real, real)
    weights = _speech_weights(frames, inside, settings, sample_rate) * real
    return frames.graph.op("Clip", _less_mean(frames, real, weights), np.array(-LIMIT), np.array(LIMIT))


def _less_mean(frames: Value, real: Value, weights: Value) -> Value:
    each = weights.unsqueeze(2)
    mean = (frames * each).sum(axis=1) / each.sum(axis=1)
    return (frames - mean) * real.unsqueeze(2) / np.array(SCALE)


def _speech_weights(frames: Value, inside: Value, settings: FeatureSettings, sample_rate: int) -> Value:
    """`asr.features.speech_weights`."""
    graph, most = frames.graph, num_loudest(settings, sample_rate)
    bands = graph.op("Slice", frames, *(np.array([n]) for n in (first_speech_band(settings), settings.num_mels, 2)))
    levels = graph.op("ReduceLogSumExp", bands, axes=[2], keepdims=0) * np.array(DECIBELS)
    silent = np.array(-np.inf)
    loud = graph.op("Pad", graph.op("Where", inside, levels, silent), np.array([0, 0, 0, most]), silent)
    loudest, _ = graph.outputs(2, "TopK", loud, np.array([most]), axis=1)
    num_loud = graph.op("Min", inside.cast("int64").sum(axis=1), np.array(most))
    reference = graph.op("GatherElements", loudest, num_loud - np.array(1), axis=1)
    below = graph.op("Floor", levels)
    lower, upper = (_weight(reference - below - np.array(step)) for step in (0.0, 1.0))
    return lower + (levels - below) * (upper - lower)


def _weight(decibels_below: Value) -> Value:
    share = (decibels_below - np.array(NO_DECIBELS)) * np.array(-1 / (NO_DECIBELS - FULL_DECIBELS))
    return share.graph.op("Clip", share, np.array(0.0), np.array(1.0))
