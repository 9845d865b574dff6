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

Step: TypeAlias = Callable[[Tensor, States], States]
"""The equations of one frame, of any kind: (inputs, states before) -> states after."""


def run_loop(
    cell: Cell,
    inputs: Float[Tensor, "frames batch gates"],
    start: States,
    feedback: Float[Tensor, "feedback hidden"],
    *weights: Float[Tensor, "_"],
    projection: Float[Tensor, "hidden cells"] | None = None,
) -> States:
    """The states after each frame, each (frames, batch, cells); differentiable. In float32 at least. With a projection
    the feedback matrix takes its product with the first of the states before.
    """
    inputs = inputs.to(torch.promote_types(inputs.dtype, torch.float32))
    rest = (feedback, projection, *start, *weights)
    return _Loop.apply(cell, len(start), inputs, *rest)  # type: ignore[no-any-return,no-untyped-call]


def run_recorded(step: Step, inputs: Float[Tensor, "frames batch gates"], start: States) -> States:
    """The same for what is not a `Cell`, such as a normalisation over cells: frame by frame, recorded by torch."""
    states, found = start, []
    for x in inputs.to(torch.promote_types(inputs.dtype, torch.float32)).unbind():
        states = step(x, states)
        found.append(states)
    return tuple(torch.stack(each) for each in zip(*found, strict=True))


class _Loop(torch.autograd.Function):
    """Backwards through time: the gradient d of the states after a frame gives that of the states before it by the
    partial derivatives of the cell, which are numbers for each element, and by the feedback matrix. With all d known,
    one backward pass of the cell over all frames gives every other gradient.
    """

    @staticmethod
    def forward(ctx: Any, cell: Cell, num_states: int, inputs: Tensor, *rest: Any) -> tuple[Tensor, ...]:
        feedback, projection, *leaves = rest
        start, weights = tuple(leaves[:num_states]), leaves[num_states:]
        fed = inputs.new_empty(*inputs.shape[:2], len(feedback))
        turned = feedback.T.contiguous()
        projected = None if projection is None else projection.T.contiguous()
        states, found = start, []
        for x, product in zip(inputs.unbind(), fed.unbind(), strict=True):
            hidden = states[0] if projected is None else torch.mm(states[0], projected)
            torch.mm(hidden, turned, out=product)
            states = cell(x, product, states, *weights)
            found.append(states)
        outputs = tuple(torch.stack(each) for each in zip(*found, strict=True))
        ctx.cell, ctx.num_states = cell, num_states
        ctx.save_for_backward(inputs, fed, *rest, *outputs)
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        n = ctx.num_states
        inputs, fed, feedback, projection, *rest = ctx.saved_tensors
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
        totals, at_start = _through_time(gradients, feedback, projection, partials)
        of_inputs, of_fed, *of_weights = torch.autograd.grad(after, [x, product, *leaves[n:]], totals)
        of_fed, hidden, of_projection = of_fed.flatten(0, 1), before[0].flatten(0, 1), None
        if projection is not None:
            of_projection = (of_fed @ feedback).T @ hidden
            hidden = hidden @ projection.T
        return None, None, of_inputs, of_fed.T @ hidden, of_projection, *at_start, *of_weights


def _through_time(
    gradients: Sequence[Tensor],
    feedback: Tensor,
    projection: Tensor | None,
    partials: Sequence[Sequence[Tensor | None]],
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
            of_fed = (partial[frame] * now[s][:, None]).flatten(1)
            if projection is None:
                later[0].addmm_(of_fed, feedback)
            else:
                later[0].addmm_(of_fed @ feedback, projection)
        for s, p, partial in by_state:
            later[p].addcmul_(partial[frame], now[s])
    return totals, later
