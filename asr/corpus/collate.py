"""Waveforms with their tokens -> a batch of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from asr.corpus.waveforms import Doubts, Item
from asr.errors import AudioError


@dataclass(frozen=True, slots=True)
class Batch:
    """Waveforms, zero beyond `num_samples`; the targets of all utterances one after the other.

    The lengths stay on the CPU, where CTC needs them: reading them from a GPU would wait for it.

    With several processes, `rows` are the places of these utterances in the global batch of all processes, which has
    `num_rows`. A dummy is an utterance of another process: it does not count, but keeps a process busy that got no
    utterance of its own.
    """

    waveforms: Float[Tensor, "batch samples"]
    num_samples: Int[Tensor, "batch"]
    targets: Int[Tensor, "tokens"]
    num_tokens: Int[Tensor, "batch"]
    ids: tuple[str, ...]
    rows: tuple[int, ...] | None = None
    num_rows: int = 0
    is_dummy: bool = False

    def to(self, device: torch.device) -> "Batch":
        """Waveforms and targets on `device`; from pinned memory the copy runs beside the work of a GPU.

        A copy to the CPU is complete when this returns.
        """
        to_gpu = device.type == "cuda"
        waveforms, targets = (tensor.to(device, non_blocking=to_gpu) for tensor in (self.waveforms, self.targets))
        return replace(self, waveforms=waveforms, targets=targets)

    def pin_memory(self) -> "Batch":
        """The batch in pinned memory, from which a GPU copies by itself; called by a DataLoader with `pin_memory`."""
        pinned = (tensor.pin_memory() for tensor in (self.waveforms, self.num_samples, self.targets))
        waveforms, num_samples, targets = pinned
        return replace(self, waveforms=waveforms, num_samples=num_samples, targets=targets)

    def __len__(self) -> int:
        return len(self.ids)


def collate(items: Sequence[Item]) -> Batch:
    """Waveforms padded with zeros to the longest of them."""
    waveforms = [torch.from_numpy(waveform) for waveform, _ in items]
    tokens = [example.tokens for _, example in items]
    return Batch(
        torch.nn.utils.rnn.pad_sequence(waveforms, batch_first=True),
        torch.tensor([len(waveform) for waveform in waveforms]),
        torch.tensor([token for row in tokens for token in row], dtype=torch.long),
        torch.tensor([len(row) for row in tokens]),
        tuple(example.utterance.id for _, example in items),
    )


def collate_or_error(loaded: Sequence[tuple[Item | AudioError, Doubts]]) -> tuple[Batch | AudioError, Doubts]:
    """A batch, or the first error among what was loaded; and all doubts."""
    doubts = tuple(doubt for _, some in loaded for doubt in some)
    errors = [item for item, _ in loaded if isinstance(item, AudioError)]
    batch = errors[0] if errors else collate([item for item, _ in loaded if not isinstance(item, AudioError)])
    return batch, doubts
