"""Finds what waits for a GPU, on a machine without one: fake tensors, and a watch on every copy between devices."""

from collections.abc import Collection
from typing import Any

import pytest
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

import asr.training.loss


class NoWaiting(TorchDispatchMode):
    """Fails on a copy between devices that is waited for. Fake tensors fail by themselves where a value is read."""

    def __torch_dispatch__(
        self,
        function: OpOverload,
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        name = function.__name__
        if name.startswith(("_to_copy", "copy_")):
            source = args[1] if name.startswith("copy_") else args[0]
            if source.device != result.device:
                assert result.device.type == "cuda", f"{name}: back to the {result.device}"
                assert kwargs.get("non_blocking"), f"{name}: waits for {result.device}"
        return result


def without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of what has no fake: the LSTM, and PyTorch's CTC, which copies the lengths to the GPU and waits."""

    def lstm(self: nn.LSTM, frames: Tensor, start: object) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        state = frames.new_zeros(1, len(frames), self.hidden_size)
        return frames[..., : self.hidden_size], (state, state)

    monkeypatch.setattr(nn.LSTM, "forward", lstm)
    without_ctc(monkeypatch)


def without_ctc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asr.training.loss, "ctc_losses", lambda log_probs, *_: -log_probs.mean(dim=(1, 2)))
