"""Two recurrences, one in each direction of time (Schuster & Paliwal 1997; Graves & Schmidhuber 2005).

The only file that knows how utterances of several lengths share a batch.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from asr.recurrent.recurrence import Recurrence, State


class Bidirectional(nn.Module):
    """One recurrence forwards in time, one backwards; their outputs side by side. With LSTMs, a BLSTM.

    Sequences are not packed. The backward direction sees each utterance reversed by its own length, so that padding
    comes after the utterance in both directions and cannot reach a frame of it: the result is exactly that of a packed
    sequence, for every family, and with an LSTM about three times as fast on a CPU, where packing leaves the fused
    kernel (`benchmarks/recurrent.py`).
    """

    def __init__(self, forward_cell: Recurrence, backward_cell: Recurrence) -> None:
        super().__init__()
        self.forward_cell = forward_cell
        self.backward_cell = backward_cell
        self.output_size = forward_cell.output_size + backward_cell.output_size
        # In training, gradients flow through at most this many frames (truncated BPTT); None: through all.
        self.backprop_frames: int | None = None

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], num_frames: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch frames outputs"]:
        """Outputs beyond `num_frames` have no meaning and must not be used."""
        ahead = _run(self.forward_cell, frames, self.backprop_frames)
        order = reversal(num_frames, frames.shape[1])
        back = _run(self.backward_cell, permute_frames(frames, order), self.backprop_frames)
        return torch.cat([ahead, permute_frames(back, order)], dim=-1)


def truncate_backprop(model: nn.Module, num_frames: int | None) -> None:
    """Truncated BPTT: let gradients flow through at most `num_frames` frames in each layer; None: through all."""
    for module in model.modules():
        if isinstance(module, Bidirectional):
            module.backprop_frames = num_frames


def _run(
    cell: Recurrence, frames: Float[Tensor, "batch frames inputs"], backprop_frames: int | None
) -> Float[Tensor, "batch frames outputs"]:
    """The outputs of a recurrence. With `backprop_frames`, in pieces of that many frames; each starts from the state of
    the one before but sends no gradient to it: truncated back-propagation through time (Williams & Peng 1990).
    """
    if backprop_frames is None or not torch.is_grad_enabled():
        outputs: Tensor = cell(frames)[0]
        return outputs
    pieces: list[Tensor] = []
    state: State | None = None
    for piece in torch.split(frames, backprop_frames, dim=1):
        output, new = cell(piece, state)
        state = tuple(each.detach() for each in new)
        pieces.append(output)
    return torch.cat(pieces, dim=1)


def reversal(num_frames: Int[Tensor, "batch"], max_frames: int) -> Int[Tensor, "batch frames"]:
    """For each utterance the order of frames that reverses its first `num_frames` and leaves padding in place."""
    position = torch.arange(max_frames, device=num_frames.device)
    turned = num_frames[:, None] - 1 - position
    return torch.where(turned >= 0, turned, position)


def permute_frames(
    frames: Float[Tensor, "batch frames size"], order: Int[Tensor, "batch frames"]
) -> Float[Tensor, "batch frames size"]:
    """Re-order the frames of each utterance by a reversal; differentiable."""
    permuted: Tensor = _Permute.apply(frames, order)  # type: ignore[no-untyped-call]
    return permuted


class _Permute(torch.autograd.Function):
    """A reversal is its own inverse, so the gradient is the same re-ordering: no scatter-add, which would be slower
    and, on a GPU, not deterministic.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, frames: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return _take_frames(frames, order)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return _take_frames(gradient, order), None


def _take_frames(frames: Tensor, order: Tensor) -> Tensor:
    batch, max_frames, size = frames.shape
    rows = order + max_frames * torch.arange(batch, device=order.device)[:, None]
    return frames.reshape(batch * max_frames, size).index_select(0, rows.flatten()).view(frames.shape)
