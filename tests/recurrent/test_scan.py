"""h_t = a_t h_{t-1} + b_t, forward and backward, by the loop and in blocks, against steps in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from asr.recurrent.scan import scan, scan_in_blocks
from tests.support.recurrences import frames, joined, matrix, numbers, stacked, vector

LENGTHS = [1, 2, 3, 15, 16, 17, 100, 1000]


def oracle(factors: Tensor, terms: Tensor, start: Tensor) -> Tensor:
    states = [start]
    for frame in range(factors.shape[1]):
        states.append(factors[:, frame] * states[-1] + terms[:, frame])
    return torch.stack(states[1:], dim=1)


def case(length: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Factors as of gates, from 0 to 1, some exactly; signed terms."""
    generator = torch.Generator().manual_seed(length)
    factors = torch.rand(3, length, 5, dtype=torch.float64, generator=generator)
    factors[0, :, 0], factors[0, :, 1] = 0, 1
    terms, start = (torch.randn(*size, dtype=torch.float64, generator=generator) for size in ((3, length, 5), (3, 5)))
    return factors.to(dtype), terms.to(dtype), start.to(dtype)


@pytest.mark.parametrize("length", LENGTHS)
def test_by_loop_and_in_blocks_are_the_steps(length: int) -> None:
    inputs = case(length)
    torch.testing.assert_close(scan(*inputs), oracle(*inputs), rtol=0, atol=0)
    torch.testing.assert_close(scan_in_blocks(*inputs), oracle(*inputs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", LENGTHS)
def test_all_gradients_are_those_of_the_steps(length: int) -> None:
    weights = torch.randn(3, length, 5, dtype=torch.float64)
    gradients = []
    for function in (scan, scan_in_blocks, oracle):
        inputs = [each.requires_grad_() for each in case(length)]
        gradients.append(torch.autograd.grad((function(*inputs) * weights).sum(), inputs))
    for by_loop, in_blocks, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(by_loop, expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(in_blocks, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", LENGTHS)
def test_on_a_gpu_both_ways_run_in_blocks(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    inputs, weights = [each.requires_grad_() for each in case(length)], torch.randn(3, length, 5, dtype=torch.float64)
    expected = torch.autograd.grad((oracle(*inputs) * weights).sum(), inputs)
    monkeypatch.setattr("asr.recurrent.scan.is_on_cpu", lambda _: False)
    monkeypatch.setattr("asr.recurrent.scan._step_by_step", None)
    found = torch.autograd.grad((scan(*inputs) * weights).sum(), inputs)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_the_gradient_is_right_by_finite_differences() -> None:
    assert torch.autograd.gradcheck(scan, tuple(each.requires_grad_() for each in case(7)))


@pytest.mark.parametrize("function", [scan, scan_in_blocks], ids=["loop", "blocks"])
@pytest.mark.parametrize("length", [1_000, 10_000])
def test_float32_is_exact_to_rounding_also_after_many_frames(function: Callable[..., Tensor], length: int) -> None:
    """The form in logarithms is wrong by 4e-4 and 6e-3 here."""
    exact = oracle(*case(length))[1:]  # without the factors of exactly 1
    found = function(*case(length, torch.float32))[1:]
    assert ((found - exact).abs().max() / exact.abs().max()) < 2e-6


def test_half_precision_is_scanned_in_float32() -> None:
    factors, terms, start = case(300, torch.bfloat16)
    found = scan(factors, terms, start)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, oracle(factors.float(), terms.float(), start.float()))


def test_strided_and_expanded_inputs_are_read_as_they_are() -> None:
    factors, terms, start = case(9)
    wide = torch.cat([factors, terms], dim=2).transpose(0, 1).contiguous().transpose(0, 1)
    found = scan(wide[:, :, :5], wide[:, :, 5:], start)
    assert torch.equal(found, oracle(factors, terms, start))
    constant = torch.tensor(0.5, dtype=torch.float64).expand_as(factors)
    assert torch.equal(scan(constant, terms, start), oracle(constant, terms, start))


def test_gates_that_are_not_normed() -> None:
    """An LSTM's equations with gates of the frame alone, whose cells may grow."""
    gates = frames(4, 2) @ stacked(3, 2, 0, 1, 2).T + joined(3, 0, 1, 2)
    forget, insert, new = gates.chunk(3, dim=1)
    states = scan(forget.sigmoid()[None], (insert.sigmoid() * new)[None], torch.zeros(1, 3, dtype=torch.float64))
    torch.testing.assert_close(states[0, 3:], numbers("-0.347090 0.150556 0.334659"), rtol=0, atol=1e-6)
    assert matrix(3, 3, 1).tolist()[0] == pytest.approx([-0.4, 0.6, 0.2])  # the numbers that all values rest on
    assert vector(3, 0).tolist() == pytest.approx([-0.2, 0, 0.2])
