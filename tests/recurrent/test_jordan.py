"""Jordan's network: exact values, its equations step by step, and what its context remembers."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from asr.recurrent.jordan import Jordan
from asr.recurrent.recurrence import State
from tests.support.recurrences import (
    assert_steps_and_gradients,
    frames,
    matrix,
    numbers,
    random_cell,
    vector,
)

OUTPUTS = {
    0.0: "0.292679 0.548412 0.158909 | 0.293374 0.327095 0.379531 | 0.469281 0.213062 0.317657 |"
    "0.361952 0.469583 0.168465",
    0.5: "0.292679 0.548412 0.158909 | 0.294426 0.328367 0.377207 | 0.462890 0.213743 0.323367 |"
    "0.373396 0.463058 0.163546",
}


def exact(decay: float) -> Jordan:
    cell = Jordan(2, 3, num_fed_back=3, context_decay=decay).double()
    cell.load_state_dict(
        {
            "inputs.weight": matrix(3, 2, 0),
            "inputs.bias": vector(3, 0),
            "feedback.weight": matrix(3, 3, 1),
            "readout.weight": matrix(3, 3, 2),
            "readout.bias": vector(3, 1),
        }
    )
    return cell


@pytest.mark.parametrize("decay", OUTPUTS)
def test_exact_values(decay: float) -> None:
    cell = exact(decay)
    outputs = cell.readout(cell(frames(4, 2)[None])[0][0]).softmax(dim=1)
    torch.testing.assert_close(outputs, numbers(OUTPUTS[decay]), rtol=0, atol=6e-7)


def step(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    (s,) = state
    h = torch.tanh(x @ weights["inputs.weight"].T + weights["inputs.bias"] + s @ weights["feedback.weight"].T)
    y = torch.softmax(h @ weights["readout.weight"].T + weights["readout.bias"], dim=1)
    return h, (0.5 * s + 0.5 * y,)


def test_the_equations_of_the_docstring_step_by_step_with_all_gradients() -> None:
    assert_steps_and_gradients(random_cell("jordan", 3, 4), step, torch.randn(2, 11, 3, dtype=torch.float64))


def test_the_context_is_a_mean_of_distributions_that_fades_with_its_decay() -> None:
    """A frame that the weights do not see leaves the context alone to change."""
    cell = Jordan(1, 2, num_fed_back=2, context_decay=0.9).double()
    for weights in cell.parameters():
        weights.data.zero_()
    sure = (torch.tensor([[1.0, 0.0]], dtype=torch.float64),)
    _, (after,) = cell(torch.zeros(1, 10, 1, dtype=torch.float64), sure)
    torch.testing.assert_close(after[0, 0] - 0.5, torch.tensor(0.5 * 0.9**10, dtype=torch.float64))
    torch.testing.assert_close(after.sum(), torch.tensor(1.0, dtype=torch.float64))
