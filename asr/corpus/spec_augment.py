"""SpecAugment: frequency and time masks on the features of a batch (Park et al. 2019)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from asr.corpus.augment import AugmentSettings

MAX_MASKED_SHARE = 0.1  # of an utterance, for one mask of time


def spec_augment(
    frames: Float[Tensor, "batch frames mels"],
    num_frames: Int[Tensor, "batch"],
    settings: AugmentSettings,
    generator: torch.Generator,
    *,
    rows: Sequence[int] | None = None,
    num_rows: int = 0,
) -> Float[Tensor, "batch frames mels"]:
    """Set random bands and random stretches of time to zero, the mean of normalised frames (Park et al. 2019).

    With `rows`, these are rows of a global batch of `num_rows`, and get the masks that they would get there.
    """
    batch, max_frames, num_bands = frames.shape
    device = frames.device
    own = range(batch) if rows is None else rows
    total = batch if rows is None else num_rows

    def draw(count: int) -> Float[Tensor, "2 batch masks"]:
        # On the CPU, so that one seed gives the same masks on every device; pinned, so that nothing waits for a GPU.
        drawn = torch.rand((2, total, count), generator=generator, pin_memory=frames.is_cuda)
        drawn = drawn.to(device, non_blocking=True)
        # Row by row: indexing with a list would copy it to the GPU and wait.
        return drawn if len(own) == total else torch.stack([drawn[:, row] for row in own], dim=1)

    bands = torch.full((batch, 1), num_bands, device=device)
    widest_band = torch.full_like(bands, min(settings.max_band_width, num_bands // 2))
    widest_time = (num_frames[:, None] * MAX_MASKED_SHARE).long().clamp(max=settings.max_time_width)
    keep_bands = _stripes(bands, widest_band, num_bands, draw(settings.num_band_masks))
    keep_times = _stripes(num_frames[:, None], widest_time, max_frames, draw(settings.num_time_masks))
    return frames * keep_bands[:, None, :] * keep_times[:, :, None]


def _stripes(
    lengths: Int[Tensor, "batch 1"],
    widest: Int[Tensor, "batch 1"],
    size: int,
    draws: Float[Tensor, "2 batch masks"],
) -> Float[Tensor, "batch size"]:
    """Ones, and zeros in some stripes of each row: width uniform in 0 ... widest, place uniform in the row."""
    widths = (draws[0] * (widest + 1)).long()
    starts = (draws[1] * (lengths - widths + 1)).long()
    position = torch.arange(size, device=lengths.device)
    inside = (position >= starts[:, :, None]) & (position < (starts + widths)[:, :, None])
    return 1.0 - inside.any(dim=1).float()
