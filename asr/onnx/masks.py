"""Which frames of a batch are of an utterance and which are padding."""

import numpy as np

from asr.onnx.graph import Value


def frame_mask(num_frames: Value, max_frames: Value) -> Value:
    """True where a frame belongs to its utterance (batch, frames); `asr.features.frame_mask`."""
    positions = num_frames.graph.op("Range", np.array(0), max_frames, np.array(1))
    return positions < num_frames.unsqueeze(1)
