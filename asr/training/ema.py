"""Exponential moving average (EMA) of weights (Polyak & Juditsky 1992): it generalises better than the latest ones."""

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


class WeightAverage(Generic[Module]):
    """Keeps an averaged copy of a model in `model`, in evaluation mode.

    The decay starts small and grows to its final value, so that the random start is soon forgotten.
    """

    def __init__(self, source: Module, decay: float) -> None:
        self.model = copy.deepcopy(source).eval().requires_grad_(False)
        for module in self.model.modules():  # a copy leaves the weights in pieces, which cuDNN would join at each call
            if isinstance(module, nn.RNNBase):
                module.flatten_parameters()
        self._decay = decay

    @torch.no_grad()
    def update(self, source: Module, step: int) -> None:
        """Take in the weights of `source` after optimiser step number `step` (from 1)."""
        decay = min(self._decay, step / (step + 10))
        averages = [p.detach() for p in self.model.parameters()]
        torch._foreach_lerp_(averages, [p.detach() for p in source.parameters()], 1 - decay)
