"""Chunks of several streams as one batch, and back: what each engine does around its network in `encode_chunks`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from asr.engine import ChunkState
from asr.model_settings import frames_before, num_complete_frames, num_subsampled_frames


@dataclass(frozen=True, slots=True, eq=False)
class ChunkBatch:
    """Log-mel frames with the context before each chunk in front, zeros beyond `num_frames`. Of the context, the last
    `num_before` frames are real; `num_outputs` rows of log-probabilities are to be computed. `layers`: the arrays of
    the state of the network, stacked.
    """

    frames: Float32[ndarray, "batch frames mels"]
    num_frames: Int64[ndarray, "batch"]
    num_before: Int64[ndarray, "batch"]
    num_outputs: Int64[ndarray, "batch"]
    layers: tuple[ndarray, ...]


def start_state(subsampling: int, num_mels: int, layers: Sequence[ndarray]) -> ChunkState:
    """The frames before a chunk, how many of them are real, and the state of the network, `layers`."""
    before = np.zeros((frames_before(subsampling), num_mels), np.float32)
    return (before, np.zeros(1, np.int64), *layers)


def stack(
    frames: Sequence[Float32[ndarray, "_ mels"]],
    states: Sequence[ChunkState],
    *,
    subsampling: int,
    is_last: Sequence[bool],
) -> ChunkBatch:
    """The next chunk of each stream, as a batch."""
    count = [
        num_subsampled_frames(subsampling, len(own)) if last else num_complete_frames(subsampling, len(own))
        for own, last in zip(frames, is_last, strict=True)
    ]
    before, num_before, *layers = (np.stack(each) for each in zip(*states, strict=True))
    context = before.shape[1]
    num_frames = np.array([context + len(own) for own in frames])
    batch = np.zeros((len(frames), num_frames.max(), before.shape[2]), np.float32)
    batch[:, :context] = before
    for place, own in zip(batch, frames, strict=True):
        place[context : context + len(own)] = own
    return ChunkBatch(batch, num_frames, num_before[:, 0], np.array(count), tuple(layers))


def unstack(
    batch: ChunkBatch,
    log_probs: Float32[ndarray, "batch subframes vocab"],
    layers: Sequence[ndarray],
    *,
    subsampling: int,
    size: int,
    is_last: Sequence[bool],
) -> tuple[list[Float32[ndarray, "_ vocab"]], list[ChunkState]]:
    """What `asr.engine.Engine.encode_chunks` returns; `layers` are the arrays after the chunk, stacked."""
    outputs = [own[: n if last else size] for own, n, last in zip(log_probs, batch.num_outputs, is_last, strict=True)]
    used, context = size * subsampling, frames_before(subsampling)
    num_before = np.minimum(batch.num_before + used, context)
    states = [
        (rows[used : used + context].copy(), count.reshape(1), *(each.copy() for each in own))
        for rows, count, *own in zip(batch.frames, num_before, *layers, strict=True)
    ]
    return outputs, states
