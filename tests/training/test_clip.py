"""Gradient clipping against the formula, computed by hand."""

import math

import pytest
import torch

from asr.training.clip import GradientClip

CPU = torch.device("cpu")


def parameters(*gradients: list[float]) -> list[torch.nn.Parameter]:
    found = []
    for gradient in gradients:
        parameter = torch.nn.Parameter(torch.zeros(len(gradient)))
        parameter.grad = torch.tensor(gradient)
        found.append(parameter)
    return found


def test_a_gradient_is_scaled_to_the_limit_and_no_further() -> None:
    weights = parameters([3.0, 0.0], [0.0, 4.0])
    norm, limit = GradientClip(2.5, None, CPU).apply(weights)
    assert (float(norm), float(limit)) == (5.0, 2.5)
    assert [number for weight in weights for number in weight.grad.tolist()] == pytest.approx([1.5, 0, 0, 2.0])
    norm, _ = GradientClip(10.0, None, CPU).apply(weights)
    assert float(norm) == pytest.approx(2.5)
    assert [number for weight in weights for number in weight.grad.tolist()] == pytest.approx([1.5, 0, 0, 2.0])


def test_the_limit_follows_the_geometric_mean_of_the_norms() -> None:
    clip, norms = GradientClip(100.0, 3.0, CPU), [2.0 ** (number % 3) for number in range(40)]
    for number, norm in enumerate(norms):
        expected = 100.0
        if number >= 20:
            weights = [0.98 ** (number - 1 - before) for before in range(number)]
            pairs = zip(weights, norms, strict=False)
            expected = 3 * math.exp(sum(weight * math.log(before) for weight, before in pairs) / sum(weights))
        assert float(clip.limit()) == pytest.approx(expected, rel=1e-5)
        clip.observe(torch.tensor(norm))


def test_an_outlier_is_cut_and_hardly_moves_the_limit() -> None:
    clip = GradientClip(1e9, 3.0, CPU)
    for _ in range(100):
        clip.observe(torch.tensor(1.0))
    before = float(clip.limit())
    for outlier in (1e8, math.inf, math.nan):
        clip.observe(torch.tensor(outlier))
    share = 0.02 / (1 - 0.98**101)  # of the newest norm in the mean; it counts as if it had been the limit
    assert float(clip.limit()) == pytest.approx(before * 3**share, rel=1e-4)
    state = clip.state_dict()
    other = GradientClip(1e9, 3.0, CPU)
    other.load_state_dict(state)
    assert torch.equal(other.limit(), clip.limit())
