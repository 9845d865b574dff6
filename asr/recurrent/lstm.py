"""LSTM layers (Hochreiter & Schmidhuber 1997; Gers et al. 2000), bidirectional (Graves & Schmidhuber 2005) or not."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class BidirectionalLSTM(nn.Module):
    """One LSTM forwards in time, one backwards; their outputs side by side.

    Sequences are not packed. The backward direction sees each utterance reversed by its own length, so that padding
    comes after the utterance in both directions and can not reach a frame of it: the result is exactly that of a packed
    sequence, and about three times as fast on a CPU, where packing leaves the fused kernel
    (`benchmarks/recurrent.py`).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.back = nn.LSTM(input_size, hidden_size, batch_first=True)
        # In training, gradients flow through so many frames at most; None: through all.
        self.backprop_frames: int | None = None
        for lstm in (self.ahead, self.back):
            _initialise(lstm)

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], num_frames: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch frames outputs"]:
        """Outputs beyond `num_frames` have no meaning and must not be used."""
        if frames.is_cuda and torch.is_autocast_enabled("cuda") and torch.get_autocast_dtype("cuda") != torch.float16:
            # PyTorch's autocast runs cuDNN's LSTM in float16, whatever type it was asked for (in its source:
            # aten/src/ATen/cudnn/AutocastRNN.cpp). A training in bf16 does not scale the loss, so small gradients would
            # vanish: float32 instead. Not yet measured on a GPU.
            with torch.autocast("cuda", enabled=False):
                return self.forward(frames.float(), num_frames)
        ahead = _run(self.ahead, frames, self.backprop_frames)
        order = reversal(num_frames, frames.shape[1])
        back = _run(self.back, permute_frames(frames, order), self.backprop_frames)
        return torch.cat([ahead, permute_frames(back, order)], dim=-1)


def _run(
    lstm: nn.LSTM, frames: Float[Tensor, "batch frames inputs"], backprop_frames: int | None
) -> Float[Tensor, "batch frames cells"]:
    """The outputs of an LSTM. With `backprop_frames`, in pieces of so many frames, each of which goes on from the state
    of the one before but sends no gradient to it: truncated back-propagation through time (Williams & Peng 1990).
    """
    if backprop_frames is None or not torch.is_grad_enabled():
        outputs: Tensor = lstm(frames)[0]
        return outputs
    pieces, state = [], None
    for piece in torch.split(frames, backprop_frames, dim=1):
        output, (hidden, cells) = lstm(piece, state)
        state = (hidden.detach(), cells.detach())
        pieces.append(output)
    return torch.cat(pieces, dim=1)


def truncate_backprop(model: nn.Module, num_frames: int | None) -> None:
    """Let gradients flow through so many frames at most in each bidirectional layer of a model; None: through all."""
    for module in model.modules():
        if isinstance(module, BidirectionalLSTM):
            module.backprop_frames = num_frames


def forward_lstm(input_size: int, hidden_size: int) -> nn.LSTM:
    """One LSTM forwards in time, (batch, steps, inputs) -> (batch, steps, outputs), started as the layer above is."""
    lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
    _initialise(lstm)
    return lstm


def reversal(num_frames: Int[Tensor, "batch"], max_frames: int) -> Int[Tensor, "batch frames"]:
    """For each utterance the order of frames that turns its first `num_frames` round, padding left in place."""
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


def _initialise(lstm: nn.LSTM) -> None:
    """Orthogonal recurrence (Saxe et al. 2014), forget gates open at the start (Jozefowicz et al. 2015)."""
    size = lstm.hidden_size
    for name, parameter in lstm.named_parameters():
        gates = torch.split(parameter.data, size)  # input, forget, cell, output
        for gate in gates:
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(gate)
            elif name.startswith("weight_ih"):
                nn.init.xavier_uniform_(gate)
            else:
                nn.init.zeros_(gate)
        if name.startswith("bias_ih"):
            nn.init.ones_(gates[1])
