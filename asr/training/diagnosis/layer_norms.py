"""Sizes of weights and gradients by layer."""

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class LayerNorms:
    """Euclidean norms of all weights of a layer, and of their gradients."""

    weights: float
    gradients: float


def layer_norms(model: nn.Module) -> dict[str, LayerNorms]:
    """Of each layer, by the name of its module ("subsampling", "layers.0", ..., "head"), with its present gradients."""
    groups: dict[str, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        groups.setdefault(layer_name(name), []).append(parameter)
    found = {}
    for name, parameters in groups.items():
        gradients = [p.grad for p in parameters if p.grad is not None]
        found[name] = LayerNorms(_norm([p.detach() for p in parameters]), _norm(gradients))
    return found


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """Of the present gradients, by layer; {} if there are none, as in a training that was just resumed."""
    if all(parameter.grad is None for parameter in model.parameters()):
        return {}
    return {name: norms.gradients for name, norms in layer_norms(model).items()}


def layer_name(parameter: str) -> str:
    """The layer that a parameter, or a module, belongs to."""
    first, *rest = parameter.split(".")
    return f"{first}.{rest[0]}" if first == "layers" else first


def _norm(tensors: list[Tensor]) -> float:
    return float(nn.utils.get_total_norm(tensors)) if tensors else 0.0
