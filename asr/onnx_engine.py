"""Stages 2 and 3 by ONNX Runtime, on the CPU, without torch."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import onnxruntime
from jaxtyping import Float, Float32
from numpy import ndarray

from asr.chunks import stack, start_state, unstack
from asr.engine import ChunkState
from asr.model_settings import ModelSettings, num_output_frames
from asr.onnx.export import FEATURES, MATRICES, NETWORK, STREAM
from asr.onnx.states import start_value, state_sizes

_ERRORS_ONLY = 3  # ONNX Runtime's levels of messages: not its warnings, which are for whoever made the graph


class OnnxEngine:
    """The graphs of `asr.onnx.export`, in float32 arithmetic: a result does not depend on what else is in its batch."""

    def __init__(
        self,
        graphs: Mapping[str, bytes],
        settings: ModelSettings,
        *,
        vocab_size: int,
        sample_rate: int,
        files: Mapping[str, bytes],
    ) -> None:
        """`files`: those of a model folder that this engine was read from.

        Raises:
            ValueError: the graphs cannot be run, or are not of these settings.
        """
        self.settings, self.vocab_size, self._sample_rate = settings, vocab_size, sample_rate
        self.seconds_per_frame = settings.features.hop(sample_rate) * settings.subsampling / sample_rate
        self._graphs, self._files = graphs, files
        try:
            self._features, self._network = self._session(FEATURES), self._session(NETWORK)
            (log_probs,) = self.log_probs([np.zeros(1, np.float32)])
        except Exception as error:  # ONNX Runtime's errors have no class in common
            raise ValueError(str(error)) from None
        if log_probs.shape != (1, vocab_size):
            raise ValueError(f"the graph gives {log_probs.shape[1]} probabilities a frame, expected {vocab_size}")

    def log_probs(self, waveforms: Sequence[Float[ndarray, "_"]]) -> list[Float32[ndarray, "_ vocab"]]:
        if not waveforms:
            return []
        frames, num_frames = self._run_features(["frames", "num_frames"], waveforms)
        return self._run_network(frames, num_frames)

    def log_mel(self, waveform: Float[ndarray, "_"]) -> Float32[ndarray, "frames mels"]:
        (log_mel,) = self._run_features(["log_mel"], [waveform])
        rows: Float32[ndarray, "frames mels"] = log_mel[0]
        return rows

    def encode(self, frames: Sequence[Float32[ndarray, "_ mels"]]) -> list[Float32[ndarray, "_ vocab"]]:
        if not frames:
            return []
        return self._run_network(*_padded(frames))

    def start_state(self) -> ChunkState:
        layers = [
            np.full((self.settings.num_layers, size), start_value(name, size), np.float32)
            for name, size in self._states.items()
        ]
        return start_state(self.settings.subsampling, self.settings.features.num_mels, layers)

    def encode_chunks(
        self,
        frames: Sequence[Float32[ndarray, "_ mels"]],
        states: Sequence[ChunkState],
        *,
        size: int,
        is_last: Sequence[bool],
    ) -> tuple[list[Float32[ndarray, "_ vocab"]], list[ChunkState]]:
        if not frames:
            return [], []
        subsampling = self.settings.subsampling
        batch = stack(frames, states, subsampling=subsampling, is_last=is_last)
        inputs = {
            "frames": batch.frames,
            "num_frames": batch.num_frames,
            "num_before": batch.num_before,
            "num_outputs": batch.num_outputs,
            "size": np.array([size]),
            **dict(zip(self._states, batch.layers, strict=True)),
        }
        log_probs, *layers = self._stream.run(["log_probs", *(f"{name}_after" for name in self._states)], inputs)
        return unstack(batch, log_probs, layers, subsampling=subsampling, size=size, is_last=is_last)

    def on_one_thread(self) -> None:
        """It always does."""

    def num_frames(self, num_samples: int) -> int:
        return num_output_frames(self.settings, num_samples, self._sample_rate)

    def files(self) -> dict[str, bytes]:
        return dict(self._files)

    @property
    def _states(self) -> Mapping[str, int]:
        return state_sizes(self.settings)

    @cached_property
    def _stream(self) -> onnxruntime.InferenceSession:
        """Made when the first chunk comes: it has weights of its own in memory."""
        return self._session(STREAM)

    def _session(self, name: str) -> onnxruntime.InferenceSession:
        """A graph ready to run. What a run allocates is freed after it: an arena would keep a block for each shape that
        ever came (docs/decisions/0015-onnx.md).
        """
        options, matrices = onnxruntime.SessionOptions(), self._graphs[MATRICES]
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        # One thread, the caller's: many sounds keep all CPUs busy (`asr/longform/pipeline.py`), and ONNX Runtime then
        # binds none to a CPU, which a container or `taskset` may not allow.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # docs/decisions/0002-threads.md
        options.log_severity_level = _ERRORS_ONLY
        options.add_external_initializers_from_files_in_memory([MATRICES], [matrices], [len(matrices)])
        return onnxruntime.InferenceSession(self._graphs[name], options, providers=["CPUExecutionProvider"])

    def _run_features(self, outputs: Sequence[str], waveforms: Sequence[Float[ndarray, "_"]]) -> Any:
        samples, num_samples = _padded(waveforms)
        return self._features.run(outputs, {"waveforms": samples, "num_samples": num_samples})

    def _run_network(self, frames: ndarray, num_frames: ndarray) -> list[Float32[ndarray, "_ vocab"]]:
        log_probs, num_subframes = self._network.run(
            ["log_probs", "num_subframes"], {"frames": frames, "num_frames": num_frames}
        )
        return [rows[:n] for rows, n in zip(log_probs, num_subframes.tolist(), strict=True)]


def _padded(rows: Sequence[ndarray]) -> tuple[ndarray, ndarray]:
    """Arrays of several lengths as one in float32, with zeros after each, and the lengths."""
    lengths = np.array([len(row) for row in rows])
    batch = np.zeros((len(rows), lengths.max(), *rows[0].shape[1:]), np.float32)
    for place, row in zip(batch, rows, strict=True):
        place[: len(row)] = row
    return batch, lengths
