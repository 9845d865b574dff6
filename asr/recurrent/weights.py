"""Weights read from a file -> a network, after checking that they fit it."""

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
