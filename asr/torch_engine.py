"""Stages 2 and 3 by torch, on a CPU or a GPU."""

import threading
from collections.abc import Sequence

import safetensors
import safetensors.torch
import torch
from jaxtyping import Float, Float32
from numpy import ndarray

from asr.chunks import stack, start_state, unstack
from asr.engine import WEIGHTS, ChunkState
from asr.errors import DeviceError
from asr.int8_weights import expanded
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.recurrent.names import in_current_names
from asr.recurrent.recurrence import State
from asr.recurrent.weights import load_weights

_setting_threads = threading.Lock()


class TorchEngine:
    """A network in evaluation mode. Between calls a trainer may switch it to training mode.

    Features are computed in `feature_dtype`: in float64 they are the same on each device and in each engine, in float32
    those that the network is trained with (docs/decisions/0015-onnx.md).
    """

    def __init__(self, model: AcousticModel, *, feature_dtype: torch.dtype = torch.float64) -> None:
        self.model = model.eval()
        self.feature_dtype = feature_dtype
        self.settings = model.settings
        self.vocab_size = model.vocab_size
        self.seconds_per_frame = model.seconds_per_frame

    @classmethod
    def from_bytes(cls, weights: bytes, settings: ModelSettings, *, vocab_size: int, sample_rate: int) -> "TorchEngine":
        """The engine from the weights of a model folder, also of older versions, on the CPU.

        Raises:
            ValueError: the weights are not of these settings, or the file is damaged.
        """
        if len(weights) < settings.num_recurrent_weights:  # before that much memory is allocated
            raise ValueError(f"too few bytes for the {settings.num_recurrent_weights:,} weights of its layers")
        try:
            model = AcousticModel(settings, vocab_size=vocab_size, sample_rate=sample_rate)
            load_weights(model, in_current_names(expanded(safetensors.torch.load(weights))))
        except (safetensors.SafetensorError, RuntimeError) as error:
            raise ValueError(str(error)) from None
        return cls(model)

    def files(self) -> dict[str, bytes]:
        weights = {name: value.detach().cpu().contiguous() for name, value in self.model.state_dict().items()}
        return {WEIGHTS: safetensors.torch.save(weights)}

    def to(self, device: torch.device) -> "TorchEngine":
        """The same network, moved."""
        self.model.to(device)
        if device.type == "mps":  # has no float64
            self.feature_dtype = torch.float32
        return self

    def log_probs(self, waveforms: Sequence[Float[ndarray, "_"]]) -> list[Float32[ndarray, "_ vocab"]]:
        if not waveforms:
            return []
        num_samples = torch.tensor([len(waveform) for waveform in waveforms])
        rows = [torch.from_numpy(waveform) for waveform in waveforms]
        batch = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        device = self.model.device
        with torch.inference_mode():
            features = self.model.features(batch.to(device), num_samples.to(device), dtype=self.feature_dtype)
            log_probs, num_frames = self.model.encode(*features)
        return [rows[:n] for rows, n in zip(log_probs.cpu().numpy(), num_frames.tolist(), strict=True)]

    def log_mel(self, waveform: Float[ndarray, "_"]) -> Float32[ndarray, "frames mels"]:
        with torch.inference_mode():
            samples = torch.from_numpy(waveform).to(self.model.device, self.feature_dtype)
            (frames,) = self.model.features.log_mel(samples[None]).float().cpu().numpy()
        rows: Float32[ndarray, "frames mels"] = frames
        return rows

    def encode(self, frames: Sequence[Float32[ndarray, "_ mels"]]) -> list[Float32[ndarray, "_ vocab"]]:
        if not frames:
            return []
        num_frames = torch.tensor([len(utterance) for utterance in frames])
        batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(rows) for rows in frames], batch_first=True)
        device = self.model.device
        with torch.inference_mode():
            log_probs, num_subframes = self.model.encode(batch.to(device), num_frames.to(device))
        return [rows[:n] for rows, n in zip(log_probs.cpu().numpy(), num_subframes.tolist(), strict=True)]

    def start_state(self) -> ChunkState:
        layers = [each[0].cpu().numpy() for state in self.model.start_states(1) for each in state]
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
        subsampling, device = self.settings.subsampling, self.model.device
        batch = stack(frames, states, subsampling=subsampling, is_last=is_last)
        counts = (batch.num_frames, batch.num_before, batch.num_outputs)
        with torch.inference_mode():
            log_probs, after = self.model.encode_chunk(
                torch.from_numpy(batch.frames).to(device),
                *(torch.from_numpy(each).to(device) for each in counts),
                size=size,
                states=self._split(batch.layers),
            )
        layers = [each.cpu().numpy() for state in after for each in state]
        return unstack(batch, log_probs.cpu().numpy(), layers, subsampling=subsampling, size=size, is_last=is_last)

    def _split(self, arrays: Sequence[ndarray]) -> list[State]:
        """Arrays one after the other -> the states of the layers."""
        per_layer = len(arrays) // len(self.model.layers)
        tensors = [torch.from_numpy(array).to(self.model.device) for array in arrays]
        return [tuple(tensors[first : first + per_layer]) for first in range(0, len(tensors), per_layer)]

    def on_one_thread(self) -> None:
        with _setting_threads:
            default = torch.get_num_threads()
            torch.set_num_threads(1)  # for this thread, and for all that begin later
            restoring = threading.Thread(target=torch.set_num_threads, args=(default,))  # for the latter only
            restoring.start()
            restoring.join()

    def num_frames(self, num_samples: int) -> int:
        return int(self.model.num_output_frames(torch.tensor([num_samples])))


def default_device() -> torch.device:
    """The GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def usable_device(device: str | torch.device) -> torch.device:
    """The device of this name, such as "cpu", "cuda" or "cuda:1"; "auto" is the GPU, if there is one.

    Raises:
        DeviceError: PyTorch has no such device here.
    """
    if device == "auto":
        return default_device()
    try:
        found = torch.device(device)
        torch.zeros(1, device=found).cpu()
    except Exception as error:  # each of PyTorch's back ends raises its own kinds
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        there = "; ".join(["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))])
        raise DeviceError(f"device {str(device)!r} cannot be used ({reason}); here there is: {there}") from None
    return found
