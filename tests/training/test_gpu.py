"""Training on a GPU: the same numbers as on a CPU, in each precision, without waiting for it.

What needs no GPU runs on the CPU too, where it shows that the tests themselves work. `benchmarks/README.md` says how to
run all of it on a GPU.
"""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from asr.corpus.collate import Batch
from asr.model import AcousticModel
from asr.model_folder import ModelParts
from asr.model_settings import ModelSettings
from asr.recognizer import Recognizer
from asr.tokens import Tokens
from asr.torch_engine import TorchEngine
from asr.training.device import prepare_device
from asr.training.diagnosis.replay import keep_incident, load_incident
from asr.training.distributed import World
from asr.training.loss import LossSettings, training_losses
from asr.training.settings import DataSettings, ExperimentSettings, LoopSettings, Precision
from asr.training.step import Stepper
from benchmarks.training_step import VOCAB_SIZE, make_batch
from tests.support.waiting import NoWaiting, without_ctc, without_kernels

CPU = torch.device("cpu")
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that CUDA knows")
devices = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=gpu)])
DURATIONS = [1.9, 1.3, 0.7, 0.4]


def experiment(precision: Precision = "float32", dropout: float = 0.0) -> ExperimentSettings:
    return ExperimentSettings(
        data=DataSettings(train="none", dev="none"),
        model=ModelSettings(conv_channels=4, num_layers=2, hidden_size=24, dropout=dropout),
        training=LoopSettings(precision=precision),
    )


def small_model(device: str | torch.device, settings: ExperimentSettings) -> AcousticModel:
    torch.manual_seed(1)
    return AcousticModel(settings.model, vocab_size=VOCAB_SIZE, sample_rate=16_000).to(device).train()


def gradients_of(
    model: AcousticModel, batch: Batch, settings: ExperimentSettings, scale: float = 1.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """The losses of a training step, and the gradient of each weight."""
    torch.manual_seed(2)  # dropout
    model.zero_grad()
    loss = LossSettings.on(batch.waveforms.device, settings.training, settings.augment)
    losses = training_losses(model, batch, loss, torch.Generator().manual_seed(3))
    (scale * losses.sum() / len(batch.targets)).backward()
    return losses.detach(), {name: p.grad.div(scale) for name, p in model.named_parameters()}


@contextmanager
def computing_in(dtype: torch.dtype, device: str) -> Iterator[None]:
    """`prepare_device`, and what was set before it afterwards."""
    backends = torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn  # type: ignore[attr-defined]
    before = [backend.fp32_precision for backend in backends]
    try:
        prepare_device(torch.device(device), dtype)
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.fp32_precision = value


@pytest.fixture
def exact(device: str) -> Iterator[None]:
    with computing_in(torch.float32, device):
        yield


@devices
@pytest.mark.usefixtures("exact")
def test_the_log_probabilities_are_those_of_the_cpu(device: str) -> None:
    batch, settings = make_batch(DURATIONS), experiment()
    expected, num_frames = small_model(CPU, settings)(batch.waveforms, batch.num_samples)
    found, _ = small_model(device, settings)(batch.waveforms.to(device), batch.num_samples.to(device))
    for rows, close, n in zip(found.cpu(), expected, num_frames.tolist(), strict=True):
        torch.testing.assert_close(rows[:n], close[:n], rtol=0, atol=1e-4)


@devices
@pytest.mark.usefixtures("exact")
def test_the_losses_and_gradients_of_a_step_are_those_of_the_cpu(device: str) -> None:
    batch, settings = make_batch(DURATIONS), experiment()
    expected, gradients = gradients_of(small_model(CPU, settings), batch, settings)
    losses, found = gradients_of(small_model(device, settings), batch.to(torch.device(device)), settings)
    torch.testing.assert_close(losses.cpu(), expected, rtol=1e-4, atol=1e-4)
    for name, gradient in gradients.items():
        torch.testing.assert_close(found[name].cpu(), gradient, rtol=0, atol=1e-4, msg=partial("{}: {}".format, name))
    assert max(gradient.abs().max() for gradient in gradients.values()) > 0.01  # so that 1e-4 says something


@devices
@pytest.mark.usefixtures("exact")
@torch.inference_mode()
def test_an_utterance_alone_or_in_a_batch_is_the_same(device: str) -> None:
    batch, model = make_batch(DURATIONS), small_model(device, experiment())
    waveforms, num_samples = batch.waveforms.to(device), batch.num_samples.to(device)
    together, num_frames = model(waveforms, num_samples)
    for number, n in enumerate(num_frames.tolist()):
        one = slice(number, number + 1)
        alone, _ = model(waveforms[one, : batch.num_samples[number]], num_samples[one])
        torch.testing.assert_close(together[number, :n], alone[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("device", "precision", "type_of_lstm"),
    [
        ("cpu", "auto", torch.float32),
        ("cpu", "bf16", torch.bfloat16),
        pytest.param("cuda", "bf16", torch.float32, marks=gpu),
        pytest.param("cuda", "fp16", torch.float16, marks=gpu),
    ],
)
def test_in_each_precision_a_step_is_close_to_float32_and_its_gradients_are_finite(
    device: str, precision: Precision, type_of_lstm: torch.dtype
) -> None:
    batch, settings = make_batch(DURATIONS).to(torch.device(device)), experiment(precision)
    model, types = small_model(device, settings), []
    expected, gradients = gradients_of(model, batch, experiment("float32"))
    model.layers[1].body.forward_cell.register_forward_hook(lambda _, inputs, outputs: types.append(outputs[0].dtype))
    losses, found = gradients_of(model, batch, settings, scale=1024.0 if precision == "fp16" else 1.0)
    assert types == [type_of_lstm]
    assert losses.dtype == torch.float32
    torch.testing.assert_close(losses, expected, rtol=0.01, atol=0)
    for name, gradient in gradients.items():
        assert torch.isfinite(found[name]).all(), name
        assert (found[name] - gradient).norm() < 0.1 * gradient.norm(), name
    if precision != "auto":
        assert not torch.equal(losses, expected)  # it did run in another type


@pytest.mark.parametrize(
    ("device", "precision"),
    [("cpu", "bf16"), pytest.param("cuda", "bf16", marks=gpu), pytest.param("cuda", "fp16", marks=gpu)],
)
def test_steps_in_half_precision_learn(device: str, precision: Precision) -> None:
    settings, batch = experiment(precision), make_batch(DURATIONS).to(torch.device(device))
    with computing_in(torch.bfloat16, device):
        stepper, losses = Stepper(small_model(device, settings), settings.training, settings.augment, World()), []
        for step in range(60):
            report = stepper.gradients(batch, step)
            stepper.update(report, 1e-3)
            losses.append(report.numbers.tolist()[0])
    assert losses[-1] < 0.8 * losses[0]


@devices
def test_a_step_that_is_not_finite_leaves_the_weights_and_the_next_one_learns(device: str) -> None:
    settings, batch = experiment(), make_batch(DURATIONS).to(torch.device(device))
    with computing_in(torch.float32, device):
        stepper = Stepper(small_model(device, settings), settings.training, settings.augment, World())
        before = {name: value.clone() for name, value in stepper.model.state_dict().items()}
        broken = batch.waveforms.clone()
        broken[1, 50] = torch.nan
        report = stepper.gradients(replace(batch, waveforms=broken), 0)
        stepper.update(report, 1e-2)
        assert not all(map(math.isfinite, report.numbers.tolist()[:2]))
        assert all(torch.equal(before[name], value) for name, value in stepper.model.state_dict().items())
        stepper.update(stepper.gradients(batch, 1), 1e-2)
    after = stepper.model.state_dict()
    assert not torch.equal(before["head.weight"], after["head.weight"])
    assert all(bool(value.isfinite().all()) for value in after.values())


@devices
def test_a_state_saved_on_a_cpu_goes_on(device: str) -> None:
    settings, batch = experiment(), make_batch(DURATIONS)
    here, there = (
        Stepper(small_model(place, settings), settings.training, settings.augment, World()) for place in (CPU, device)
    )
    here.update(here.gradients(batch, 0), 1e-3)
    there.load_state_dict(copy.deepcopy(here.state_dict()))
    with computing_in(torch.float32, device):
        before = {name: value.clone() for name, value in here.model.state_dict().items()}
        here.update(here.gradients(batch, 1), 1e-3)
        there.update(there.gradients(batch.to(torch.device(device)), 1), 1e-3)
    # Adam divides by the size of a gradient: where that is only rounding, a weight may go anywhere, but not far.
    for name, value in here.model.state_dict().items():
        moved, other = value - before[name], there.model.state_dict()[name].cpu() - before[name]
        assert (moved - other).norm() <= 0.1 * moved.norm(), name


@devices
def test_an_incident_holds_the_batch_as_it_was(device: str, tmp_path: Path) -> None:
    settings, batch = experiment(), make_batch(DURATIONS)
    tokens, _ = Tokens.train([ascii_uppercase], settings.tokens)
    recognizer = Recognizer(ModelParts(TorchEngine(small_model(device, settings)), tokens))
    stepper = Stepper(recognizer.model, settings.training, settings.augment, World())
    report = stepper.gradients(batch.to(torch.device(device)), 0)
    keep_incident(tmp_path, recognizer, report, stepper.loss_settings, settings=settings, epoch=1, rank=0)
    (path,) = (tmp_path / "incidents").iterdir()
    kept = load_incident(path).batch
    assert torch.equal(kept.waveforms, batch.waveforms)
    assert torch.equal(kept.targets, batch.targets)


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")  # by nn.LSTM, which then does without
def test_the_losses_never_wait_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """On fake tensors, which know their device and shape but have no values, so that no GPU is needed."""
    without_kernels(monkeypatch)
    settings, batch = experiment(dropout=0.2), make_batch(DURATIONS)
    model, loss = small_model(CPU, settings), LossSettings.on(CPU, settings.training, settings.augment)
    with FakeTensorMode() as fake:
        model._apply(lambda tensor: fake.from_tensor(tensor).to("cuda"))  # buffers, too
        tensors = ("waveforms", "num_samples", "targets", "num_tokens")
        fakes: dict[str, Any] = {name: fake.from_tensor(getattr(batch, name)) for name in tensors}
        batch = replace(batch, **fakes)
        with NoWaiting():
            losses = training_losses(model, batch.to(torch.device("cuda")), loss, torch.Generator().manual_seed(1))
    assert (losses.device.type, losses.shape) == ("cuda", (len(batch),))


@gpu
@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_a_whole_step_never_waits_for_the_gpu(precision: Precision, monkeypatch: pytest.MonkeyPatch) -> None:
    without_ctc(monkeypatch)
    settings, batch = experiment(precision, dropout=0.2), make_batch(DURATIONS)
    stepper = Stepper(small_model("cuda", settings), settings.training, settings.augment, World())
    for step in range(2):
        try:
            torch.cuda.set_sync_debug_mode("error" if step else "default")  # the first one allocates
            report = stepper.gradients(batch.to(torch.device("cuda")), step)
            stepper.update(report, 1e-3)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert math.isfinite(report.numbers.tolist()[0])


@devices
@pytest.mark.usefixtures("exact")
def test_a_step_repeated_is_equal_bytes(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of short utterances: on a GPU the gradient of CTC over more than 200 frames is summed in no fixed order."""
    settings, batch = experiment(dropout=0.2), make_batch(DURATIONS).to(torch.device(device))
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)  # not `flags`: it reads an old flag of TF32
    one, same = (gradients_of(small_model(device, settings), batch, settings) for _ in range(2))
    assert torch.equal(one[0], same[0])
    for name, gradient in one[1].items():
        assert torch.equal(gradient, same[1][name]), name


@gpu
def test_a_pinned_batch_is_copied_whole() -> None:
    batch = make_batch(DURATIONS)
    moved = batch.to(torch.device("cuda"))
    assert batch.waveforms.is_pinned()
    assert batch.num_samples.is_pinned()
    assert (moved.waveforms.device.type, moved.targets.device.type) == ("cuda", "cuda")
    assert torch.equal(moved.waveforms.cpu(), batch.waveforms)
    assert torch.equal(moved.targets.cpu(), batch.targets)
    assert moved.num_samples is batch.num_samples
