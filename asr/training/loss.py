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
from asr.recurrent.bidirectional import Chunking
from asr.training.device import compute_dtype
from asr.training.settings import ChunkTrainingSettings, LoopSettings


@dataclass(frozen=True, slots=True)
class LossSettings:
    """`intermediate_share`: share of the loss, from 0 to below 1, that is taken at the middle layer. `dtype`: the type
    in which the network runs; float32 means no autocast. `chunks`: some batches are computed as a stream is.
    """

    augment: AugmentSettings
    intermediate_share: float
    dtype: torch.dtype
    chunks: ChunkTrainingSettings | None = None

    @classmethod
    def on(cls, device: torch.device, loop: LoopSettings, augment: AugmentSettings) -> "LossSettings":
        """Those of a training on this device.

        Raises:
            SettingsError: the device cannot compute in the type that `training.precision` asks for.
        """
        return cls(augment, loop.intermediate_share, compute_dtype(loop.precision, device), loop.chunks)


def training_losses(
    model: AcousticModel, batch: Batch, settings: LossSettings, generator: torch.Generator
) -> Float[Tensor, "batch"]:
    """CTC loss of each utterance (Graves et al. 2006), in float32 whatever the network ran in.

    A share of it is the loss of the same head on the middle layer (intermediate CTC, Lee & Watanabe 2021).
    """
    device = batch.waveforms.device
    frames, num_frames = model.features(batch.waveforms, batch.num_samples.to(device, non_blocking=True))
    frames = spec_augment(frames, num_frames, settings.augment, generator, rows=batch.rows, num_rows=batch.num_rows)
    share, chunking = settings.intermediate_share, draw_chunking(settings.chunks, model.seconds_per_frame, generator)
    with torch.autocast(device.type, dtype=settings.dtype, enabled=settings.dtype != torch.float32):
        encoded, num_encoded = model.subsampling(frames, num_frames)
        if chunking is None:
            outputs = model.run_layers(encoded, num_encoded)
        else:
            outputs = model.run_layers_in_chunks(encoded, num_encoded, chunking)
        last = model.log_probs(outputs[-1])
        middle = model.log_probs(outputs[(len(outputs) - 1) // 2]) if share else last
    num_frames = model.num_output_frames(batch.num_samples)  # again, on the CPU: asking the GPU would wait for it
    if not share:
        return ctc_losses(last, num_frames, batch.targets, batch.num_tokens)
    # Both in one call, since each call makes the GPU wait.
    twice = [tensor.repeat(2) for tensor in (num_frames, batch.targets, batch.num_tokens)]
    of_last, of_middle = ctc_losses(torch.cat([last, middle]), *twice).chunk(2)
    return (1 - share) * of_last + share * of_middle


def draw_chunking(
    settings: ChunkTrainingSettings | None, seconds_per_frame: float, generator: torch.Generator
) -> Chunking | None:
    """The chunks of a batch, or None for whole utterances; without settings nothing is drawn."""
    if settings is None:
        return None
    chosen, *places = torch.rand(3, generator=generator).tolist()
    if chosen >= settings.share:
        return None
    size, lookahead = (
        round((lowest + place * (highest - lowest)) / seconds_per_frame)
        for (lowest, highest), place in zip((settings.size, settings.lookahead), places, strict=True)
    )
    return Chunking(max(1, size), lookahead)
