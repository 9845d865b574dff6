"""One step of training: what a batch without a gradient leaves untouched."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from asr.corpus.collate import Batch
from asr.errors import TrainingError
from asr.model import AcousticModel
from asr.training.distributed import World
from asr.training.step import Stepper, StepReport
from asr.training.train import train
from tests.support.small_training import saved_state, settings_for, write_small_corpus


def make_stepper(folder: Path, overrides: list[str] | None = None, **loop: Any) -> Stepper:
    torch.manual_seed(1)
    settings = settings_for(folder, folder, overrides, **loop)
    model = AcousticModel(settings.model, vocab_size=6, sample_rate=16_000).train()
    return Stepper(model, settings.training, settings.augment, World())


def make_batch(*, bad: bool = False) -> Batch:
    waveforms = 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    if bad:
        waveforms[1, 100] = math.nan
    return Batch(waveforms, torch.tensor([8000, 6000]), torch.tensor([2, 3, 4]), torch.tensor([2, 1]), ("a", "b"))


def copied(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in state.items()}


def test_a_step_without_a_finite_gradient_changes_neither_weights_nor_optimiser_nor_limit(tmp_path: Path) -> None:
    stepper, other = make_stepper(tmp_path, clip_factor=2.0), make_stepper(tmp_path, clip_factor=2.0)
    for number in range(3):
        for each in (stepper, other):
            each.update(each.gradients(make_batch(), number), 1e-2)
    before = copied(stepper.model.state_dict())
    report = stepper.gradients(make_batch(bad=True), 3)
    assert not math.isfinite(report.row[1])
    stepper.update(report, 1e-2)
    assert all(torch.equal(before[name], value) for name, value in stepper.model.state_dict().items())
    for each in (stepper, other):  # as if the bad step had never been
        each.update(each.gradients(make_batch(), 4), 1e-2)
    good = other.model.state_dict()
    assert all(torch.equal(good[name], value) for name, value in stepper.model.state_dict().items())
    assert not torch.equal(before["head.weight"], good["head.weight"])


def test_gradients_are_the_same_however_often_they_are_computed(tmp_path: Path) -> None:
    stepper = make_stepper(tmp_path)
    first = stepper.gradients(make_batch(), 5)
    kept = [p.grad.clone() for p in stepper.model.parameters()]
    second = stepper.gradients(make_batch(), 5)
    assert torch.equal(first.row, second.row)
    assert all(p.grad.equal(one) for p, one in zip(stepper.model.parameters(), kept, strict=True))


def test_the_optimiser_of_a_gpu_leaves_out_a_step_when_told_on_the_device() -> None:
    """What `update` relies on there: fused AdamW heeds `found_inf`, in its weights and in its count of steps."""
    weights = [torch.nn.Parameter(torch.ones(3)) for _ in range(2)]
    optimizers = [torch.optim.AdamW([weight], lr=0.1, fused=True) for weight in weights]
    for gradient, found_inf in ((1.0, 0.0), (math.nan, 1.0), (2.0, 0.0)):
        weights[0].grad = torch.full((3,), gradient)
        optimizers[0].found_inf = torch.tensor(found_inf)  # type: ignore[attr-defined]
        optimizers[0].step()
        if math.isfinite(gradient):
            weights[1].grad = torch.full((3,), gradient)
            optimizers[1].step()
    assert torch.equal(weights[0], weights[1])
    assert float(optimizers[0].state[weights[0]]["step"]) == 2


def test_a_state_of_another_kind_of_device_is_taken_over(tmp_path: Path) -> None:
    """One saved on a GPU has its optimiser marked as fused; on a GPU only a fused one can leave out a step."""
    stepper, other, third = (make_stepper(tmp_path) for _ in range(3))
    stepper.update(stepper.gradients(make_batch(), 0), 1e-2)
    for theirs, ours in ((True, None), (None, True)):
        state = copy.deepcopy(stepper.state_dict())
        for group in state["optimizer"]["param_groups"]:
            group["fused"] = theirs
        resumed = other if ours is None else third
        resumed._fused = ours
        resumed.load_state_dict(state)
        assert [group["fused"] for group in resumed._optimizer.param_groups] == [ours, ours]
        resumed.update(resumed.gradients(make_batch(), 1), 1e-2)
    stepper.update(stepper.gradients(make_batch(), 1), 1e-2)
    good = stepper.model.state_dict()
    assert all(torch.equal(good[name], value) for name, value in other.model.state_dict().items())
    assert all(torch.allclose(good[name], value) for name, value in third.model.state_dict().items())


def test_a_token_counts_the_same_in_a_batch_of_few_and_in_one_of_many(tmp_path: Path) -> None:
    """The gradient of a batch is the sum of those of its utterances, as the divisor is no property of the batch."""
    nothing_random = ["model.dropout=0", "augment.num_band_masks=0", "augment.num_time_masks=0"]
    stepper = make_stepper(tmp_path, nothing_random, max_grad_norm=1e9)

    def gradient(batch: Batch) -> torch.Tensor:
        report = stepper.gradients(batch, 5, tokens_per_batch=7.0)
        assert report.row[0] == pytest.approx(float(stepper.gradients(batch, 5).row[0]))  # per token of the batch
        stepper.gradients(batch, 5, tokens_per_batch=7.0)
        return torch.cat([p.grad.flatten().clone() for p in stepper.model.parameters()])

    both = make_batch()
    alone = [
        Batch(both.waveforms[row], both.num_samples[row], both.targets[tokens], both.num_tokens[row], both.ids[row])
        for row, tokens in ((slice(0, 1), slice(0, 2)), (slice(1, 2), slice(2, 3)))
    ]
    torch.testing.assert_close(gradient(alone[0]) + gradient(alone[1]), gradient(both), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA"), RuntimeError("can't allocate memory")]
)
def test_a_step_for_which_there_is_no_memory_leaves_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    gradients = Stepper._gradients

    def full(self: Stepper, batch: Batch, step: int, tokens_per_batch: float, **options: bool) -> StepReport:
        if step == 2:
            raise error
        return gradients(self, batch, step, tokens_per_batch, **options)

    monkeypatch.setattr(Stepper, "_gradients", full)
    with pytest.raises(TrainingError, match=r"step 3: the memory of cpu is full, with \d+ sounds.*the state is saved"):
        train(settings_for(write_small_corpus(tmp_path), tmp_path), tmp_path / "run")
    assert saved_state(tmp_path / "run")["progress"]["step"] == 2
