"""The seam: what each family of recurrences is to the rest of the network."""

from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

State: TypeAlias = tuple[Float[Tensor, "batch _"], ...]
"""All that a recurrence remembers between two frames; each family decides how many tensors, and of what size."""


class Recurrence(nn.Module):
    """One layer in one direction of time. It knows neither padding nor reversal: `asr/recurrent/bidirectional.py` does.

    Frames may come in pieces: started from the final state of one piece, the next gives what the whole would have
    given.
    """

    output_size: int

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        """The output at each frame, and the state after the last; None starts from the family's initial state."""
        raise NotImplementedError

    def start_state(self, batch: int) -> State:
        """The family's initial state, for `batch` sequences: what `forward` starts from where `state` is None."""
        raise NotImplementedError

    def initialise(self) -> None:
        """Draw the initial weights for training."""
        raise NotImplementedError


def autocasts_to_bf16(frames: Tensor) -> bool:
    """Whether PyTorch's autocast would run cuDNN's LSTM or GRU in float16 here, whatever type was asked for (in its
    source: aten/src/ATen/cudnn/AutocastRNN.cpp). A training in bf16 does not scale the loss, so small gradients would
    vanish: families that cuDNN runs compute in float32 then. Not yet measured on a GPU.
    """
    enabled = frames.is_cuda and torch.is_autocast_enabled("cuda")
    return enabled and torch.get_autocast_dtype("cuda") != torch.float16
