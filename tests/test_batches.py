"""What reaches the training loop: batches within their budget, sound that is changed as the settings say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tones import random_texts, write_corpus

from asr.corpus.augment import AugmentSettings, background_noise, change_speed, spec_augment
from asr.corpus.batches import Example, TrainingBatches, load_utterance, plan_batches
from asr.corpus.manifest import Utterance, read_manifest


def test_batches_keep_to_the_budget_and_lose_nothing() -> None:
    durations = [0.5 + (7 * i % 23) / 3 for i in range(200)]
    for epoch in range(3):
        plan = plan_batches(durations, max_seconds=30.0, seed=1, epoch=epoch)
        assert sorted(index for batch in plan for index in batch) == list(range(200))
        assert all(len(b) * max(durations[i] for i in b) <= 30.0 for b in plan)
        padding = 1 - sum(durations) / sum(len(b) * max(durations[i] for i in b) for b in plan)
        assert padding < 0.15
    first, second = (plan_batches(durations, max_seconds=30.0, seed=1, epoch=epoch) for epoch in (1, 2))
    assert first != second
    assert first == plan_batches(durations, max_seconds=30.0, seed=1, epoch=1)
    assert plan_batches([99.0, 1.0], max_seconds=30.0) == [[0], [1]]


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


def test_speed_changes_duration_and_pitch() -> None:
    time = torch.arange(16_000) / 16_000
    tone = torch.sin(2 * torch.pi * 500 * time)
    fast = change_speed(tone, 1.25)
    assert len(fast) == 12_800
    assert int(torch.fft.rfft(fast).abs().argmax()) * 16_000 / 12_800 == pytest.approx(625, abs=2)
    assert change_speed(tone, 1.0) is tone


def test_background_noise_has_the_level_and_the_colour_of_rooms() -> None:
    levels, slopes = [], []
    for seed in range(300):
        noise = background_noise(16_000, np.random.default_rng(seed)).numpy().astype(np.float64)
        power = np.abs(np.fft.rfft(noise)) ** 2
        octaves = np.log2([200, 400, 800, 1600, 3200, 6400])
        bands = [10 * np.log10(power[round(2**o / 1.4) : round(2**o * 1.4)].mean()) for o in octaves]
        levels.append(10 * np.log10(np.mean(noise**2)))
        slopes.append(np.polyfit(octaves, bands, 1)[0])
    assert -70.1 < min(levels) < -68
    assert -32 < max(levels) < -29.9
    assert -12.6 < min(slopes) < -11
    assert -1 < max(slopes) < 0.6


def test_the_share_of_noise_has_no_words_and_depends_on_the_seed_alone(tmp_path: Path) -> None:
    utterances = read_manifest(write_corpus(tmp_path, "train", random_texts(24, seed=1), seed=1))
    examples = [Example(utterance, (2, 3)) for utterance in utterances] * 20
    settings = AugmentSettings(speeds=(1.0,), noise_share=0.25)
    batches = TrainingBatches(examples, settings, max_seconds=60.0, seed=1, num_workers=0)
    first, again = list(batches.epoch(1)), list(batches.epoch(1))
    empty = sum(int((batch.num_tokens == 0).sum()) for batch in first)
    assert 0.18 < empty / len(examples) < 0.32
    assert all(torch.equal(a.waveforms, b.waveforms) for a, b in zip(first, again, strict=True))


def test_a_segment_is_read_from_its_offset_and_a_file_without_offset_whole(tmp_path: Path) -> None:
    write_corpus(tmp_path, "long", ["ABCD ABCD ABCD"], seed=1)
    path = tmp_path / "long" / "long0.wav"
    whole = load_utterance(Utterance(path, 1.0, "", "a"))
    first = load_utterance(Utterance(path, 0.5, "", "b", offset=0.0))
    later = load_utterance(Utterance(path, 0.5, "", "c", offset=0.25))
    assert len(whole) > 24_000
    assert torch.equal(first, whole[:8000])
    assert torch.equal(later, whole[4000:12_000])
