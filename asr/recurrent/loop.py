"""A recurrence whose cells meet only in one product with the outputs before: all else is element by element.

PyTorch would record some ten operations a frame and multiply for the gradient of the weights at each. Here each frame
costs one product forwards and one backwards; all that can be done of all frames at once is.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

States: TypeAlias = tuple[Tensor, ...]


Cell: TypeAlias = Callable[..., States]
"""The equations of a family, of one frame or of many at once: (inputs, fed, states, *weights) -> states after. `inputs`
(*frames, batch, gates) is what comes from the frame, `fed` (*frames, batch, feedback) the product of the feedback
matrix and the first of the states before, states are (*frames, batch, cells), `weights` of single cells. Element k of a
state after may depend on element k of each state before and of each gate alone.
"""


def run_loop(
    cell: Cell,
    inputs: Float[Tensor, "frames batch gates"],
    start: States,
    feedback: Float[Tensor, "feedback cells"],
    *weights: Float[Tensor, "_"],
) -> States:
    """The states after each frame, each (frames, batch, cells); differentiable. In float32 at least."""
    inputs = inputs.to(torch.promote_types(inputs.dtype, torch.float32))
    return _Loop.apply(cell, inputs, feedback, len(start), *start, *weights)  # type: ignore[no-any-return,no-untyped-call]


class _Loop(torch.autograd.Function):
    """Backwards through time: the gradient d of the states after a frame gives that of the states before it by the
    partial derivatives of the cell, which are numbers for each element, and by the feedback matrix. With all d known,
    one backward pass of the cell over all frames gives every other gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, cell: Cell, inputs: Tensor, feedback: Tensor, num_states: int, *rest: Tensor
    ) -> tuple[Tensor, ...]:
        start, weights = rest[:num_states], rest[num_states:]
        fed = inputs.new_empty(*inputs.shape[:2], len(feedback))
        turned = feedback.T.contiguous()
        states, found = start, []
        for x, product in zip(inputs.unbind(), fed.unbind(), strict=True):
            torch.mm(states[0], turned, out=product)
            states = cell(x, product, states, *weights)
            found.append(states)
        outputs = tuple(torch.stack(each) for each in zip(*found, strict=True))
        ctx.cell, ctx.num_states = cell, num_states
        ctx.save_for_backward(inputs, feedback, fed, *rest, *outputs)
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        n = ctx.num_states
        inputs, feedback, fed, *rest = ctx.saved_tensors
        start, weights, outputs = rest[:n], rest[n:-n], rest[-n:]
        before = [torch.cat([first[None], own[:-1]]) for first, own in zip(start, outputs, strict=True)]
        with torch.enable_grad():
            x, product, *leaves = (each.detach().requires_grad_() for each in (inputs, fed, *before, *weights))
            after = ctx.cell(x, product, tuple(leaves[:n]), *leaves[n:])
        partials = [
            torch.autograd.grad(
                each, [product, *leaves[:n]], torch.ones_like(each), retain_graph=True, allow_unused=True
            )
            for each in after
        ]
        totals, at_start = _through_time(gradients, feedback, partials)
        of_inputs, of_fed, *of_weights = torch.autograd.grad(after, [x, product, *leaves[n:]], totals)
        of_feedback = of_fed.flatten(0, 1).T @ before[0].flatten(0, 1)
        return None, of_inputs, of_feedback, None, *at_start, *of_weights


def _through_time(
    gradients: Sequence[Tensor], feedback: Tensor, partials: Sequence[Sequence[Tensor | None]]
) -> tuple[list[Tensor], list[Tensor]]:
    """The whole gradient of each state after each frame, and of each state at the start. `partials[s]` are the
    derivatives of state s after a frame by what was fed back, and by each state before it.
    """
    frames, batch, cells = gradients[0].shape
    totals = [torch.empty_like(each, memory_format=torch.contiguous_format) for each in gradients]
    by_fed = [(s, own[0].view(frames, batch, -1, cells)) for s, own in enumerate(partials) if own[0] is not None]
    by_state = [
        (s, p, partial) for s, own in enumerate(partials) for p, partial in enumerate(own[1:]) if partial is not None
    ]
    later = [torch.zeros_like(each[0]) for each in gradients]
    for frame in reversed(range(frames)):
        now = [torch.add(g[frame], d, out=total[frame]) for g, d, total in zip(gradients, later, totals, strict=True)]
        later = [torch.zeros_like(each) for each in now]
        for s, partial in by_fed:
            later[0].addmm_((partial[frame] * now[s][:, None]).flatten(1), feedback)
        for s, p, partial in by_state:
            later[p].addcmul_(partial[frame], now[s])
    return totals, later
