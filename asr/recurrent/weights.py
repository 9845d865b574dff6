"""Weights read from a file -> a network, after checking that they fit it."""

import re
from collections.abc import Mapping

from torch import Tensor, nn


def load_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Set all weights of a network. PyTorch alone would take integers, real parts of complex numbers, and NaN.

    Raises:
        ValueError: one is of another type than the network's, or not finite.
        RuntimeError: one is missing, too many, or of another shape.
    """
    for name, expected in network.state_dict().items():
        found = weights.get(name)
        if found is not None and found.dtype != expected.dtype:
            raise ValueError(f"{name} is of type {found.dtype}, expected {expected.dtype}")
        if found is not None and not bool(found.isfinite().all()):
            raise ValueError(f"{name} holds numbers that are not finite")
    network.load_state_dict(weights)


def in_current_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of an acoustic model under today's names. Up to format 2 of the model folder, a layer had
    `recurrence` for `body`, and in it `ahead` and `back`.
    """
    today = {"ahead": "forward_cell", "back": "backward_cell"}
    return {
        re.sub(r"^(layers\.\d+)\.recurrence\.(ahead|back)\.", lambda m: f"{m[1]}.body.{today[m[2]]}.", name): value
        for name, value in weights.items()
    }
