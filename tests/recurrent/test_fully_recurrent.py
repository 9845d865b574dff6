"""The fully recurrent network: exact values, its equations step by step, and Elman's as a case of it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from asr.recurrent.elman import Elman
from asr.recurrent.fully_recurrent import FullyRecurrent
from asr.recurrent.recurrence import State
from tests.support.recurrences import assert_steps_and_gradients, frames, matrix, numbers, random_cell, vector

EXPECTED = "0.197375 -0.099668 | -0.159928 0.077287 | 0.628622 -0.317224 | 0.454607 0.243759"


def test_exact_values_where_half_of_the_units_are_fed_and_the_others_read() -> None:
    cell = FullyRecurrent(2, 2, num_units=4, num_fed=2, ticks=1).double()
    weights = {"inputs.weight": matrix(4, 2, 0)[:2], "bias": vector(4, 0), "feedback.weight": matrix(4, 4, 1)}
    cell.load_state_dict(weights)
    torch.testing.assert_close(cell(frames(4, 2)[None])[0][0], numbers(EXPECTED), rtol=0, atol=6e-7)


def test_with_all_units_fed_and_read_it_is_elman() -> None:
    ours, elman = (
        FullyRecurrent(2, 3, num_units=3, num_fed=3, ticks=1).double(),
        Elman(2, 3, activation="tanh").double(),
    )
    weights = {"inputs.weight": matrix(3, 2, 0), "feedback.weight": matrix(3, 3, 1)}
    ours.load_state_dict({**weights, "bias": vector(3, 0)})
    elman.load_state_dict({**weights, "inputs.bias": vector(3, 0)})
    torch.testing.assert_close(ours(frames(9, 2)[None])[0], elman(frames(9, 2)[None])[0], rtol=0, atol=1e-14)


def step(weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
    """4 outputs, 8 units, of which 4 are fed, 2 ticks."""
    (s,) = state
    for _ in range(2):
        total = s @ weights["feedback.weight"].T + weights["bias"]
        s = torch.cat([total[:, :4] + x @ weights["inputs.weight"].T, total[:, 4:]], dim=1).tanh()
    return s[:, 4:], (s,)


def test_the_equations_of_the_docstring_step_by_step_with_all_gradients() -> None:
    assert_steps_and_gradients(random_cell("fully_recurrent", 3, 4), step, torch.randn(2, 11, 3, dtype=torch.float64))


def test_a_second_tick_lets_the_outputs_see_their_own_frame() -> None:
    sound = frames(5, 2)[None].requires_grad_()
    for ticks, seen in ((1, False), (2, True)):
        cell = FullyRecurrent(2, 2, num_units=4, num_fed=2, ticks=ticks).double()
        cell.initialise()
        (gradient,) = torch.autograd.grad(cell(sound)[0][0, 3].sum(), sound)
        assert bool((gradient[0, 3] != 0).any()) is seen
        assert (gradient[0, 4] == 0).all()
