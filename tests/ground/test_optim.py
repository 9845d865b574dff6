"""The schedule of the learning rate is the product of two of PyTorch's own; only matrices decay."""

import pytest
import torch
from torch.optim.lr_scheduler import ChainedScheduler, CosineAnnealingLR, LinearLR

from asr.optim import LearningRateSchedule, adamw, set_learning_rate

STEPS_PER_EPOCH, NUM_EPOCHS = 7, 5
NUM_STEPS = STEPS_PER_EPOCH * NUM_EPOCHS


@pytest.mark.parametrize("warmup_steps", [2, 10, 100])
def test_the_schedule_is_that_of_pytorch(warmup_steps: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.3)
    warmup = LinearLR(optimizer, start_factor=1 / warmup_steps, total_iters=warmup_steps - 1)
    peer = ChainedScheduler([warmup, CosineAnnealingLR(optimizer, T_max=NUM_STEPS)])
    schedule = LearningRateSchedule(0.3, warmup_steps, NUM_EPOCHS)
    for step in range(NUM_STEPS):
        assert schedule.rate(step, step / STEPS_PER_EPOCH) == pytest.approx(peer.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        peer.step()


def test_a_schedule_without_warmup_starts_at_its_peak_and_stays_at_zero_after_the_last_epoch() -> None:
    schedule = LearningRateSchedule(0.3, 0, NUM_EPOCHS)
    assert schedule.rate(0, 0.0) == 0.3
    assert schedule.rate(NUM_STEPS, 5.0) == schedule.rate(2 * NUM_STEPS, 10.0) == 0.0


def test_only_matrices_decay() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = adamw(model, weight_decay=0.5)
    set_learning_rate(optimizer, 0.1)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name] * (1 - 0.1 * 0.5 if name == "0.weight" else 1))
