"""The CTC loss on the last layer of the network, and a share of it on the middle one."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from asr.corpus.augment import AugmentSettings
from asr.corpus.collate import Batch
from asr.corpus.spec_augment import spec_augment
from asr.ctc_loss import ctc_losses
from asr.model import AcousticModel
from asr.training.device import compute_dtype
from asr.training.settings import LoopSettings


@dataclass(frozen=True, slots=True)
class LossSettings:
    """`intermediate_share`: share of the loss, from 0 to below 1, that is taken at the middle layer. `dtype`: the type
    in which the network runs; float32 means no autocast.
    """

    augment: AugmentSettings
    intermediate_share: float
    dtype: torch.dtype

    @classmethod
    def on(cls, device: torch.device, loop: LoopSettings, augment: AugmentSettings) -> "LossSettings":
        """Those of a training on this device.

        Raises:
            SettingsError: the device cannot compute in the type that `training.precision` asks for.
        """
        return cls(augment, loop.intermediate_share, compute_dtype(loop.precision, device))


def training_losses(
    model: AcousticModel, batch: Batch, settings: LossSettings, generator: torch.Generator
) -> Float[Tensor, "batch"]:
    """CTC loss of each utterance (Graves et al. 2006), in float32 whatever the network ran in.

    A share of it is the loss of the same head on the middle layer (intermediate CTC, Lee & Watanabe 2021).
    """
    device = batch.waveforms.device
    frames, num_frames = model.features(batch.waveforms, batch.num_samples.to(device, non_blocking=True))
    frames = spec_augment(frames, num_frames, settings.augment, generator, rows=batch.rows, num_rows=batch.num_rows)
    share = settings.intermediate_share
    with torch.autocast(device.type, dtype=settings.dtype, enabled=settings.dtype != torch.float32):
        outputs = model.run_layers(*model.subsampling(frames, num_frames))
        last = model.log_probs(outputs[-1])
        middle = model.log_probs(outputs[(len(outputs) - 1) // 2]) if share else last
    num_frames = model.num_output_frames(batch.num_samples)  # again, on the CPU: asking the GPU would wait for it
    if not share:
        return ctc_losses(last, num_frames, batch.targets, batch.num_tokens)
    # Both in one call, since each call makes the GPU wait.
    twice = [tensor.repeat(2) for tensor in (num_frames, batch.targets, batch.num_tokens)]
    of_last, of_middle = ctc_losses(torch.cat([last, middle]), *twice).chunk(2)
    return (1 - share) * of_last + share * of_middle
