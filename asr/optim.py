"""The optimiser of all trainings here: AdamW, its parameter groups, and the LR schedule."""

import math
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class LearningRateSchedule:
    """The LR scheduler: linear warm-up, then half a cosine to zero at the end of the last epoch (Loshchilov & Hutter
    2017).

    `peak`: the highest learning rate; `warmup_steps`: the steps in which it rises.
    """

    peak: float
    warmup_steps: int
    max_epochs: int

    def rate(self, step: int, epochs: float) -> float:
        """The learning rate of step number `step`, from 0, which begins after `epochs` epochs; 2.5 is halfway through
        the third. Zero from `max_epochs` on.
        """
        warmup = min(1.0, (step + 1) / max(1, self.warmup_steps))
        return self.peak * warmup * 0.5 * (1 + math.cos(math.pi * min(1.0, epochs / self.max_epochs)))


def adamw(model: nn.Module, *, weight_decay: float, fused: bool | None = None) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) over all parameters of a model, with weight decay for matrices only, not for
    biases and norms. Its learning rate has to be set before each step.

    `fused`: as in PyTorch, which decides if it is None.
    """
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=fused)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of all parameters, from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = rate
