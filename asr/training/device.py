"""Automatic mixed precision (AMP): the type of autocast, and whether float32 products on a GPU may use TF32."""

import torch
from torch import Tensor

from asr.errors import SettingsError
from asr.training.settings import Precision


def compute_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The type in which autocast runs the network; float32 means no autocast. Features and CTC are always float32, the
    product with the mel filters as exact as `prepare_device` sets it.

    Raises:
        SettingsError: the device cannot compute in it.
    """
    bf16_gpu = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "auto":
        return torch.bfloat16 if bf16_gpu else torch.float32
    if precision == "bf16" and device.type == "cuda" and not bf16_gpu:
        raise SettingsError("training.precision: found bf16, which this GPU cannot compute in; set fp16 or float32")
    if precision == "fp16" and device.type != "cuda":
        raise SettingsError(f"training.precision: found fp16, which needs a GPU (here: {device.type}); set float32")
    return {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def prepare_device(device: torch.device, dtype: torch.dtype) -> None:
    """Set how exact float32 products are on a GPU, for a training in `dtype`; a CPU needs nothing.

    A training in float32 gets true float32: by default PyTorch rounds the inputs of cuDNN's LSTM and convolutions to
    TF32 (10 bits of mantissa), but not those of matrix products. In bf16 or fp16, what remains in float32 (in bf16
    above all the LSTM) uses the TF32 tensor cores, no less exact than the types around it.
    """
    if device.type != "cuda":
        return
    # Each by name: the more general flags do not affect the two of cuDNN (pytorch#179445). Only these new flags may be
    # used from here on: reading an old one (`allow_tf32`) after setting a new one is an error.
    exactness = "ieee" if dtype == torch.float32 else "tf32"
    torch.backends.cuda.matmul.fp32_precision = exactness
    torch.backends.cudnn.conv.fp32_precision = exactness  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn.fp32_precision = exactness  # type: ignore[attr-defined]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device, or the machine, has no memory left."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


class AsyncScalars:
    """Numbers on their way from a device to the CPU. The copy starts at once and runs beside the work of a GPU;
    `tolist` waits until it is done.

    Without the event it would also wait for all work queued on the GPU since.
    """

    def __init__(self, numbers: Tensor) -> None:
        self._numbers, self._event = numbers, None
        if numbers.is_cuda:
            self._numbers = numbers.to("cpu", non_blocking=True)  # into pinned memory
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()

    def tolist(self) -> list[float]:
        if self._event is not None:
            self._event.synchronize()
        return list(self._numbers.tolist())
