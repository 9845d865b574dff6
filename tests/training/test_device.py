"""What a training computes in: chosen by the settings and the device, refused where the device cannot."""

from collections.abc import Callable, Iterator

import pytest
import torch

from asr.errors import SettingsError
from asr.training.device import compute_dtype, prepare_device
from asr.training.settings import Precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")
BACKENDS = torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn  # type: ignore[attr-defined]


@pytest.fixture
def gpu_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Makes torch say of its GPU whether it knows bf16."""
    return lambda bf16: monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)


@pytest.fixture
def exactness() -> Iterator[Callable[[], list[str]]]:
    """What float32 products are computed in, as a function; set back afterwards."""
    before = [backend.fp32_precision for backend in BACKENDS]
    yield lambda: [backend.fp32_precision for backend in BACKENDS]
    for backend, value in zip(BACKENDS, before, strict=True):
        backend.fp32_precision = value


@pytest.mark.parametrize(
    ("precision", "bf16", "on_cpu", "on_gpu"),
    [
        ("auto", True, torch.float32, torch.bfloat16),
        ("auto", False, torch.float32, torch.float32),
        ("float32", True, torch.float32, torch.float32),
        ("bf16", True, torch.bfloat16, torch.bfloat16),
        ("fp16", False, None, torch.float16),
    ],
)
def test_the_type_is_chosen_by_setting_and_device(
    gpu_with: Callable[[bool], None],
    precision: Precision,
    bf16: bool,
    on_cpu: torch.dtype | None,
    on_gpu: torch.dtype,
) -> None:
    gpu_with(bf16)
    assert compute_dtype(precision, GPU) == on_gpu
    if on_cpu:
        assert compute_dtype(precision, CPU) == on_cpu


@pytest.mark.parametrize(("precision", "device"), [("fp16", CPU), ("bf16", GPU)])
def test_what_the_device_cannot_do_is_refused(
    gpu_with: Callable[[bool], None], precision: Precision, device: torch.device
) -> None:
    gpu_with(False)
    with pytest.raises(SettingsError, match=rf"^training.precision: found {precision}, .*; set .*float32$"):
        compute_dtype(precision, device)


def test_a_training_in_float32_is_exact_on_a_gpu_and_the_rest_of_one_in_less_is_tf32(
    exactness: Callable[[], list[str]],
) -> None:
    prepare_device(GPU, torch.float32)
    assert exactness() == ["ieee"] * 3
    prepare_device(GPU, torch.bfloat16)
    assert exactness() == ["tf32"] * 3
    prepare_device(CPU, torch.float32)
    assert exactness() == ["tf32"] * 3  # not touched
