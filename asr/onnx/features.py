"""Stage 2 as a graph: waveforms -> log-mel frames, as `asr/features.py`.

In float64 up to the normalised frames: where a loud tone leaves the other bands 100 dB below it, two float32 transforms
differ by 4e-3 in log-mel, which the network makes 0.16 in a log-probability (docs/decisions/0015-onnx.md).
"""

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
    window = weights["features.mel.spectrogram.window"].astype(np.float64)
    filters = weights["features.mel.mel_scale.fb"].astype(np.float64)
    fft_size = 2 * (len(filters) - 1)
    before = (fft_size - len(window)) // 2  # the window is in the middle of the transform
    window = np.pad(window, (before, fft_size - len(window) - before))
    graph, half = waveforms.graph, fft_size // 2
    padded = graph.op("Pad", waveforms.cast("float64"), np.array([0, half, 0, half]))
    hop, size = np.array(settings.hop(sample_rate)), np.array(fft_size)
    spectrum = graph.op("STFT", padded.unsqueeze(2), hop, window, size)  # (batch, frames, frequencies, 2)
    power = (spectrum * spectrum).sum(axis=3).reshape(0, 0, -1)
    return graph.op("Log", power @ filters + np.array(FLOOR))


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
