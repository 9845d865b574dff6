"""The linear recurrence h_t = a_t * h_{t-1} + b_t, by element: what all families that train in parallel come down to.

Computed as it stands, never through logarithms: their running sums grow with time, and the answer is a small difference
of them (wrong by 4e-4 after 1,000 frames in float32, where this is right to 1e-6). Decision 26 has the measurements.
"""

import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor
from torch.autograd.function import FunctionCtx

from asr.compiled import kernel


def scan(
    factors: Float[Tensor, "batch frames cells"],
    terms: Float[Tensor, "batch frames cells"],
    start: Float[Tensor, "batch cells"],
) -> Float[Tensor, "batch frames cells"]:
    """All h_t, from a, b and h_0; differentiable. In float32 at least: half precision would add up its roundings."""
    dtype = torch.promote_types(factors.dtype, torch.float32)
    states: Tensor = _Scan.apply(factors.to(dtype), terms.to(dtype), start.to(dtype))  # type: ignore[no-untyped-call]
    return states


class _Scan(torch.autograd.Function):
    """With g_t the gradient of h_t: d_t = g_t + a_{t+1} * d_{t+1}, the same recurrence from the other end. Then d_t is
    the gradient of b_t, d_t * h_{t-1} that of a_t, and a_1 * d_1 that of h_0.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, factors: Tensor, terms: Tensor, start: Tensor) -> Tensor:
        states = scan_without_gradient(factors, terms, start)
        ctx.save_for_backward(factors, states, start)
        return states

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        factors, states, start = ctx.saved_tensors  # type: ignore[attr-defined]
        later = torch.cat([factors[:, 1:], torch.zeros_like(factors[:, :1])], dim=1)
        found = scan_without_gradient(later, gradient, torch.zeros_like(start), backwards=True)
        before = torch.cat([start[:, None], states[:, :-1]], dim=1)
        return found * before, found, factors[:, 0] * found[:, 0]


def scan_without_gradient(
    factors: Float[Tensor, "batch frames cells"],
    terms: Float[Tensor, "batch frames cells"],
    start: Float[Tensor, "batch cells"],
    *,
    backwards: bool = False,
) -> Float[Tensor, "batch frames cells"]:
    """All h_t, or, backwards, the same from the last frame to the first; for backward passes by hand."""
    if not is_on_cpu(factors):
        if backwards:
            return scan_in_blocks(factors.flip(1), terms.flip(1), start).flip(1)
        return scan_in_blocks(factors, terms, start)
    states = torch.empty_like(factors, memory_format=torch.contiguous_format)
    a, b, h = (each.detach().contiguous().numpy() for each in (factors, terms, start))
    _step_by_step(a, b, h, states.numpy(), backwards)
    return states


def is_on_cpu(tensor: Tensor) -> bool:
    """Whether loops compiled for it can be run; a function of its own for tests of what other devices do."""
    return tensor.is_cpu


@kernel
def _step_by_step(
    factors: Float[ndarray, "batch frames cells"],
    terms: Float[ndarray, "batch frames cells"],
    start: Float[ndarray, "batch cells"],
    states: Float[ndarray, "batch frames cells"],
    backwards: bool,
) -> None:
    """Fills `states`: one frame after the other, the cells side by side in the vector units of the CPU."""
    num_frames, num_cells = factors.shape[1:]
    for row in range(len(factors)):
        first, step = (num_frames - 1, -1) if backwards else (0, 1)
        for cell in range(num_cells):
            states[row, first, cell] = factors[row, first, cell] * start[row, cell] + terms[row, first, cell]
        for number in range(1, num_frames):
            frame = first + step * number
            for cell in range(num_cells):
                before = states[row, frame - step, cell]
                states[row, frame, cell] = factors[row, frame, cell] * before + terms[row, frame, cell]


def scan_in_blocks(
    factors: Float[Tensor, "batch frames cells"],
    terms: Float[Tensor, "batch frames cells"],
    start: Float[Tensor, "batch cells"],
) -> Float[Tensor, "batch frames cells"]:
    """`scan` in 2 sqrt(frames) steps of large operations instead of one a frame, for devices that want few of them.

    All blocks run at once, each as if it started from zero, together with the product of its factors so far; then the
    state walks from block to block, and each frame adds that product of the state before its block.
    """
    batch, num_frames, cells = factors.shape
    size = max(1, round(num_frames**0.5))
    pad = (0, 0, 0, -num_frames % size)
    shape = (batch, -1, size, cells)
    a, b = (torch.nn.functional.pad(each, pad).view(shape) for each in (factors, terms))
    products, within = [a[:, :, 0]], [b[:, :, 0]]
    for number in range(1, size):
        products.append(products[-1] * a[:, :, number])
        within.append(torch.addcmul(b[:, :, number], a[:, :, number], within[-1]))
    befores = [start]
    for product, last in zip(products[-1].unbind(1), within[-1].unbind(1), strict=True):
        befores.append(torch.addcmul(last, product, befores[-1]))
    before = torch.stack(befores[:-1], dim=1)[:, :, None]
    states = torch.addcmul(torch.stack(within, dim=2), torch.stack(products, dim=2), before)
    return states.flatten(1, 2)[:, :num_frames]
