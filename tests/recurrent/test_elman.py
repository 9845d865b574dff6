"""Elman's network and the loop that it runs in: steps, exact values, in both directions, truncated, and its start."""

import pytest
import torch
from torch import Tensor

from asr.recurrent.bidirectional import Bidirectional, truncate_backprop
from asr.recurrent.elman import Elman
from asr.recurrent.families import make_recurrence
from tests.support.recurrences import FAMILIES, frames, matrix, numbers, random_cell, vector

TANH = (
    "0.537050 -0.197375 -0.291313 | -0.758004 0.617944 -0.380958 | -0.199511 -0.046581 0.905505 |"
    "0.624871 -0.750408 0.198407"
)
RELU = "0.6 0 0 | 0 0.52 0 | 0 0 1.008 | 0.7016 0 0.1"
REACH = "0.078261 0.084560 | -0.385123 0.120673 | 0.407040 -0.550973 | 0.210659 0.261187"


def exact(name: str, shift: int = 0) -> Elman:
    cell = make_recurrence(FAMILIES[name], 2, 3).double()
    assert isinstance(cell, Elman)
    weights = {"inputs.weight": matrix(3, 2, shift), "inputs.bias": vector(3, shift)}
    cell.load_state_dict({**weights, "feedback.weight": matrix(3, 3, 1 + shift)})
    return cell


def close(found: Tensor, expected: str) -> None:
    torch.testing.assert_close(found, numbers(expected), rtol=0, atol=6e-7)


@pytest.mark.parametrize(("name", "expected"), [("elman", TANH), ("elman relu", RELU)])
def test_exact_values(name: str, expected: str) -> None:
    close(exact(name)(frames(4, 2)[None])[0][0], expected)


def test_exact_values_backwards_whole_and_as_the_shorter_one_of_a_batch() -> None:
    both = Bidirectional(exact("elman"), exact("elman", shift=2))
    outputs = both(frames(4, 2).expand(2, -1, -1), torch.tensor([4, 2]))[:, :, 3:]
    close(
        outputs[0],
        "-0.589051 0.249307 0.018351 | 0.398396 0.353483 -0.724696 | 0.161202 0.199159 -0.164326 |-0.462117 0 0.604368",
    )
    close(outputs[1, :2], "-0.494176 0.275290 0.131649 | 0.537050 0.197375 -0.604368")


@pytest.mark.parametrize(("piece", "first"), [(None, 0), (2, 2), (3, 3)])
def test_exact_gradients_whole_and_truncated(piece: int | None, first: int) -> None:
    layer = Bidirectional(exact("elman"), exact("elman"))
    truncate_backprop(layer, piece)
    sound = frames(4, 2)[None].requires_grad_()
    (gradient,) = torch.autograd.grad(layer(sound, torch.tensor([4]))[0, 3, :3].sum(), sound)
    expected = numbers(REACH)
    expected[:first] = 0
    torch.testing.assert_close(gradient[0], expected, rtol=0, atol=6e-7)


@pytest.mark.parametrize("name", ["elman", "elman relu"])
def test_the_equations_step_by_step_with_all_gradients_recorded_by_torch(name: str) -> None:
    cell = random_cell(name, 3, 4)
    sound = (torch.randn(2, 11, 3, dtype=torch.float64) * 9).requires_grad_()  # relu reaches its cut
    weights = dict(cell.named_parameters())
    h, steps = torch.zeros(2, 4, dtype=torch.float64), []
    for x in sound.unbind(dim=1):
        total = x @ weights["inputs.weight"].T + weights["inputs.bias"] + h @ weights["feedback.weight"].T
        h = total.tanh() if name == "elman" else total.relu().minimum(torch.tensor(20.0))
        steps.append(h)
    expected, (outputs, (final,)) = torch.stack(steps, dim=1), cell(sound)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(final, h, rtol=0, atol=1e-12)
    factors = torch.randn_like(expected)
    leaves = [sound, *weights.values()]
    theirs = torch.autograd.grad((expected * factors).sum(), leaves)
    for found, wanted in zip(torch.autograd.grad((outputs * factors).sum(), leaves), theirs, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)


def test_tanh_starts_orthogonal_and_relu_with_a_short_memory() -> None:
    tanh, relu = Elman(2, 5, activation="tanh"), Elman(2, 5, activation="relu")
    for cell in (tanh, relu):
        cell.initialise()
    product = tanh.feedback.weight @ tanh.feedback.weight.T
    torch.testing.assert_close(product, torch.eye(5), rtol=0, atol=1e-6)
    assert torch.equal(relu.feedback.weight, 0.01 * torch.eye(5))
