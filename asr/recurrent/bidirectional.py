"""Two recurrences, one in each direction of time (Schuster & Paliwal 1997; Graves & Schmidhuber 2005).

The only file that knows how utterances of several lengths share a batch, and how an utterance is run in chunks.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from asr.recurrent.recurrence import Recurrence, State


@dataclass(frozen=True, slots=True)
class Chunking:
    """Chunks of `size` frames, each with up to `lookahead` frames after it: its right context."""

    size: int
    lookahead: int


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

    def run_chunks(
        self,
        chunks: Float[Tensor, "batch chunks frames inputs"],
        num_frames: Int[Tensor, "batch chunks"],
        size: int,
        state: State | None = None,
    ) -> tuple[Float[Tensor, "batch chunks frames outputs"], State]:
        """Latency-controlled (Zhang et al. 2016): chunks of `size` frames of each utterance in order, each with its
        right context after it, `num_frames` in all. Forwards, the state is carried from the end of one chunk to the
        next, and into the right context; backwards, each chunk starts anew at the end of its right context.

        `state` is that of the forward direction before the first chunk; it is returned after the last one, without its
        right context. Outputs beyond `num_frames` have no meaning. All chunks run at once but for the carried state.
        """
        pieces, states = [], []
        for chunk in chunks[:, :, :size].unbind(dim=1):
            output, state = _run_on(self.forward_cell, chunk, self.backprop_frames, state)
            pieces.append(output)
            states.append(state)
        ahead = torch.stack(pieces, dim=1)
        if chunks.shape[2] > size:
            starts = tuple(torch.stack(each, dim=1).flatten(0, 1) for each in zip(*states, strict=True))
            context, _ = _run_on(self.forward_cell, chunks[:, :, size:].flatten(0, 1), self.backprop_frames, starts)
            ahead = torch.cat([ahead, context.view(*num_frames.shape, *context.shape[1:])], dim=2)
        order = reversal(num_frames.flatten(), chunks.shape[2])
        back = _run(self.backward_cell, permute_frames(chunks.flatten(0, 1), order), self.backprop_frames)
        back = permute_frames(back, order).view(*num_frames.shape, *back.shape[1:])
        return torch.cat([ahead, back], dim=-1), states[-1]

    def start_state(self, batch: int) -> State:
        """The state before the first chunk of `batch` utterances."""
        return self.forward_cell.start_state(batch)


def cut_into_chunks(
    frames: Float[Tensor, "batch frames size"], num_frames: Int[Tensor, "batch"], chunking: Chunking
) -> tuple[Float[Tensor, "batch chunks width size"], Int[Tensor, "batch chunks"]]:
    """Each utterance as the chunks that `Bidirectional.run_chunks` takes, and the numbers of frames in them."""
    width = chunking.size + chunking.lookahead
    starts = torch.arange(0, frames.shape[1], chunking.size, device=frames.device)
    padded = nn.functional.pad(frames, (0, 0, 0, int(starts[-1]) + width - frames.shape[1]))
    chunks = padded.unfold(1, width, chunking.size).transpose(2, 3)
    return chunks, (num_frames[:, None] - starts).clamp(0, width)


def join_chunks(
    chunks: Float[Tensor, "batch chunks width size"], chunking: Chunking, max_frames: int
) -> Float[Tensor, "batch frames size"]:
    """Utterances from their chunks, without right context: the inverse of `cut_into_chunks`."""
    return chunks[:, :, : chunking.size].flatten(1, 2)[:, :max_frames]


def truncate_backprop(model: nn.Module, num_frames: int | None) -> None:
    """Truncated BPTT: let gradients flow through at most `num_frames` frames in each layer; None: through all."""
    for module in model.modules():
        if isinstance(module, Bidirectional):
            module.backprop_frames = num_frames


def _run(
    cell: Recurrence, frames: Float[Tensor, "batch frames inputs"], backprop_frames: int | None
) -> Float[Tensor, "batch frames outputs"]:
    """The outputs of a recurrence from its initial state; `backprop_frames` as for `_run_on`."""
    return _run_on(cell, frames, backprop_frames, None)[0]


def _run_on(
    cell: Recurrence,
    frames: Float[Tensor, "batch frames inputs"],
    backprop_frames: int | None,
    state: State | None,
) -> tuple[Float[Tensor, "batch frames outputs"], State]:
    """The outputs of a recurrence, and its state at the end. With `backprop_frames`, in pieces of that many frames;
    each starts from the state of the one before but sends no gradient to it: truncated back-propagation through time
    (Williams & Peng 1990).
    """
    if backprop_frames is None or not torch.is_grad_enabled():
        output, new = cell(frames, state)
        return output, new
    pieces: list[Tensor] = []
    for piece in torch.split(frames, backprop_frames, dim=1):
        output, new = cell(piece, state)
        state = tuple(each.detach() for each in new)
        pieces.append(output)
    assert state is not None
    return torch.cat(pieces, dim=1), state


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
