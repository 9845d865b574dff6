"""Changes to the training data that keep the text: speed of the waveform, masks on the features.

Each takes its randomness from the caller, so that one seed gives one training.
"""

from typing import Annotated

import numpy as np
import soxr
import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from asr.audio import SAMPLE_RATE
from asr.settings import Settings


class AugmentSettings(Settings):
    """`speeds`: factors to choose from for each utterance; `noise_share`: of the utterances, replaced by noise without
    words, so that the model learns to be silent; masks as in SpecAugment, widths in bands and frames.

    A time mask is never wider than a tenth of its utterance (adaptive masks, Park et al. 2020), so that short
    utterances keep their words; a band mask never wider than half of the bands.
    """

    speeds: tuple[Annotated[float, Field(ge=0.5, le=2)], ...] = (0.9, 1.0, 1.1)
    noise_share: float = Field(0.02, ge=0, lt=1)
    num_band_masks: int = Field(2, ge=0)
    max_band_width: int = Field(20, ge=0)
    num_time_masks: int = Field(2, ge=0)
    max_time_width: int = Field(20, ge=0)


MAX_MASKED_SHARE = 0.1


def change_speed(waveform: Float[Tensor, "samples"], factor: float) -> Float[Tensor, "faster"]:
    """Play `factor` times as fast: shorter and higher (Ko et al. 2015)."""
    if factor == 1.0:
        return waveform
    return torch.from_numpy(soxr.resample(waveform.numpy(), SAMPLE_RATE * factor, SAMPLE_RATE, quality="LQ"))


def choose_speed(settings: AugmentSettings, rng: np.random.Generator) -> float:
    return float(rng.choice(settings.speeds)) if settings.speeds else 1.0


def background_noise(num_samples: int, rng: np.random.Generator) -> Float[Tensor, "samples"]:
    """What a microphone records where nobody speaks: noise of -70 to -30 dB, falling by 0 to 12 dB an octave."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequency = np.maximum(np.arange(len(spectrum)) / num_samples * SAMPLE_RATE, 50.0)
    noise = np.fft.irfft(spectrum * (frequency / 50.0) ** -rng.uniform(0, 2), num_samples)
    level = 10 ** (rng.uniform(-70, -30) / 20)
    return torch.from_numpy((level * noise / np.sqrt(np.mean(noise**2))).astype(np.float32)).clamp(-1, 1)


def spec_augment(
    frames: Float[Tensor, "batch frames mels"],
    num_frames: Int[Tensor, "batch"],
    settings: AugmentSettings,
    generator: torch.Generator,
) -> Float[Tensor, "batch frames mels"]:
    """Set random bands and random stretches of time to zero, the mean of normalised frames (Park et al. 2019)."""
    batch, max_frames, num_bands = frames.shape
    device = frames.device
    bands = torch.full((batch, 1), num_bands, device=device)
    widest_band = torch.full_like(bands, min(settings.max_band_width, num_bands // 2))
    widest_time = (num_frames[:, None] * MAX_MASKED_SHARE).long().clamp(max=settings.max_time_width)
    keep_bands = _stripes(bands, widest_band, settings.num_band_masks, num_bands, generator)
    keep_times = _stripes(num_frames[:, None], widest_time, settings.num_time_masks, max_frames, generator)
    return frames * keep_bands[:, None, :] * keep_times[:, :, None]


def _stripes(
    lengths: Int[Tensor, "batch 1"],
    widest: Int[Tensor, "batch 1"],
    count: int,
    size: int,
    generator: torch.Generator,
) -> Float[Tensor, "batch size"]:
    """One, and zero inside `count` stripes a row: width uniform in 0 ... widest, place uniform in the row's length."""
    shape = (len(lengths), count)
    # Drawn on the CPU, so that one seed gives the same masks on every device.
    draws = torch.rand((2, *shape), generator=generator).to(lengths.device)
    widths = (draws[0] * (widest + 1)).long()
    starts = (draws[1] * (lengths - widths + 1)).long()
    position = torch.arange(size, device=lengths.device)
    inside = (position >= starts[:, :, None]) & (position < (starts + widths)[:, :, None])
    return 1.0 - inside.any(dim=1).float()
