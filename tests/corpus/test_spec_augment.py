"""SpecAugment: how much is masked, and where."""

import torch

from asr.corpus.augment import AugmentSettings
from asr.corpus.spec_augment import spec_augment


def test_spec_augment_masks_as_much_as_it_says_and_never_the_padding_count() -> None:
    settings = AugmentSettings(num_band_masks=1, max_band_width=8, num_time_masks=1, max_time_width=10)
    frames = torch.ones(400, 100, 40)
    num_frames = torch.full((400,), 100)
    masked = spec_augment(frames, num_frames, settings, torch.Generator().manual_seed(1))
    bands = (masked.amax(dim=1) == 0).sum(dim=1)
    times = (masked.amax(dim=2) == 0).sum(dim=1)
    assert set(bands.tolist()) == set(range(9))
    assert set(times.tolist()) == set(range(11))
    assert abs(float(bands.float().mean()) - 4) < 0.5  # uniform in 0 ... 8
    again = spec_augment(frames, num_frames, settings, torch.Generator().manual_seed(1))
    assert torch.equal(masked, again)
    few_bands = AugmentSettings(num_band_masks=1, max_band_width=200, num_time_masks=0)
    narrow = spec_augment(torch.ones(400, 100, 8), num_frames, few_bands, torch.Generator().manual_seed(1))
    assert set((narrow.amax(dim=1) == 0).sum(dim=1).tolist()) == set(range(5))  # never more than half
    short = spec_augment(torch.ones(50, 100, 40), torch.full((50,), 9), settings, torch.Generator().manual_seed(1))
    assert float((short.amax(dim=2) == 0).sum()) == 0  # a tenth of 9 frames is none
