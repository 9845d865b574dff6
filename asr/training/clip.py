"""Gradient clipping: a limit to the norm of the gradient (Pascanu et al. 2013), which may follow the norms observed."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

_MEMORY = 0.98  # share of the old mean that is kept at each step: the limit follows the last fifty or so
_FIRST_STEPS = 20  # until then too few norms have been seen to know what is usual


class GradientClip:
    """Scales a gradient down to a norm of at most `max_norm`, and of at most `factor` times the usual one, if given.

    The usual norm is the geometric mean of the norms so far, recent ones weighing more, each taken after clipping: an
    outlier of any size moves the limit only a little (compare Seetharaman et al. 2020, who take a percentile). All
    state is on the gradient's device: nothing waits for a GPU.
    """

    def __init__(self, max_norm: float, factor: float | None, device: torch.device) -> None:
        self._max_norm = max_norm
        self._factor = factor
        self._mean = torch.zeros((), device=device)  # of the logarithms of the norms, biased towards the initial 0
        self._num_steps = torch.zeros((), device=device)

    def limit(self) -> Float[Tensor, ""]:
        """The norm above which the next gradient will be scaled down."""
        highest = torch.full_like(self._mean, self._max_norm)
        if self._factor is None:
            return highest
        seen = 1 - _MEMORY**self._num_steps
        usual = torch.exp(self._mean / seen.clamp(min=1 - _MEMORY))
        return torch.where(self._num_steps < _FIRST_STEPS, highest, (self._factor * usual).minimum(highest))

    def apply(self, parameters: list[nn.Parameter]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Scale the gradients in place; returns the norm before, and the limit that was applied."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        limit = self.limit()
        torch._foreach_mul_(gradients, ((norm + 1e-6).reciprocal() * limit).clamp(max=1.0))
        return norm, limit

    def observe(self, norm: Float[Tensor, ""]) -> None:
        """Take in the norm of a step, before clipping; one that is not finite changes nothing."""
        is_finite = torch.isfinite(norm)
        logarithm = torch.where(is_finite, norm.minimum(self.limit()).clamp(min=1e-12), 1.0).log()
        self._mean = torch.where(is_finite, _MEMORY * self._mean + (1 - _MEMORY) * logarithm, self._mean)
        self._num_steps = self._num_steps + is_finite

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self._mean, "num_steps": self._num_steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._mean = state["mean"].to(self._mean.device)
        self._num_steps = state["num_steps"].to(self._mean.device)
