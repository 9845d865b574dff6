"""What reaches the training loop: batches within their budget, sound that is changed as the settings say."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from asr.corpus.augment import AugmentSettings, background_noise, change_speed
from asr.corpus.batches import BatchSettings, TrainingBatches
from asr.corpus.manifest import Utterance, read_manifest
from asr.corpus.utterances import load_utterance
from asr.corpus.waveforms import Example
from tests.support.tones import random_texts, write_corpus


def test_speed_changes_duration_and_pitch() -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(16_000, dtype=np.float32) / 16_000).astype(np.float32)
    fast = change_speed(tone, 1.25)
    assert len(fast) == 12_800
    assert int(np.abs(np.fft.rfft(fast)).argmax()) * 16_000 / 12_800 == pytest.approx(625, abs=2)
    assert change_speed(tone, 1.0) is tone


def test_background_noise_has_the_level_and_the_colour_of_rooms() -> None:
    levels, slopes = [], []
    for seed in range(300):
        noise = background_noise(16_000, np.random.default_rng(seed)).astype(np.float64)
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
    batches = TrainingBatches(examples, BatchSettings(settings, 60.0, seed=1))
    first, again = list(batches.epoch(1)), list(batches.epoch(1))
    empty = sum(int((batch.num_tokens == 0).sum()) for batch in first)
    assert 0.18 < empty / len(examples) < 0.32
    assert all(torch.equal(a.waveforms, b.waveforms) for a, b in zip(first, again, strict=True))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    path = write_corpus(tmp_path_factory.mktemp("corpus"), "train", random_texts(24, seed=1), seed=1)
    return [Example(utterance, (2, 3)) for utterance in read_manifest(path)] * 5


def test_without_effects_the_batches_of_a_seed_are_those_of_the_first_version(examples: list[Example]) -> None:
    """The digest is that of the version before there were effects: a new setting must not move an old draw."""
    speeds = (0.9, 0.95, 1.0, 1.05, 1.1)
    settings = AugmentSettings(noise_share=0.25, speeds=speeds)
    batches = TrainingBatches(examples, BatchSettings(settings, 25.0, seed=1, jitter=0.1))
    digest = hashlib.sha256()
    for epoch in (1, 2):
        for plan, batch in zip(batches.plan(epoch), batches.epoch(epoch), strict=True):
            for lengths in (batch.num_samples, batch.targets, batch.num_tokens):
                digest.update(lengths.numpy().tobytes())
            digest.update(repr(batch.ids).encode())
            (index,) = plan[0]
            rng = np.random.default_rng((1, epoch, index))
            utterance = examples[index].utterance
            if rng.random() < 0.25:
                expected = background_noise(round(utterance.duration * 16_000), rng)
            else:
                expected = change_speed(load_utterance(utterance), float(rng.choice(speeds)))
            assert np.array_equal(batch.waveforms[0, : len(expected)].numpy(), expected)
    assert digest.hexdigest() == "52f126739be3477c885e9ff55de2f08643561e849cec2efbc1e8c87dcb1d5e87"


def test_with_all_effects_any_number_of_workers_gives_the_same_batches(examples: list[Example]) -> None:
    names = ("reverb", "babble", "added_noise", "volume", "clipping", "telephone", "codec")
    values = {**{name: {"share": 0.5} for name in names}, "concatenation": {"share": 0.5}}
    settings = AugmentSettings.parse(values, source="conf")
    one, two, again = (
        list(
            TrainingBatches(examples[:40], BatchSettings(settings, 10.0, seed, workers), separator=(4,)).epoch(
                1, first_batch=2
            )
        )
        for seed, workers in ((1, 0), (2, 0), (1, 2))
    )
    assert [batch.ids for batch in one] == [batch.ids for batch in again]
    assert all(torch.equal(a.waveforms, b.waveforms) for a, b in zip(one, again, strict=True))
    assert [batch.ids for batch in one] != [batch.ids for batch in two]


def test_batches_are_planned_with_their_pauses(examples: list[Example]) -> None:
    """Each utterance is as long as it is planned, so that little of a batch is padding."""
    values = {"pauses": {"share": 0.5, "max_seconds": 4}, "speeds": [1], "noise_share": 0}
    settings = BatchSettings(AugmentSettings.parse(values, source="conf"), 30.0, seed=1)
    batches = TrainingBatches(examples, settings)
    num_samples = num_padded = 0
    for plan, batch in zip(batches.plan(2), batches.epoch(2), strict=True):
        pauses = settings.pauses(len(examples), 2)[[index for (index,) in plan]].sum(axis=1)
        spoken = np.array([examples[index].utterance.duration for (index,) in plan])
        assert np.allclose(batch.num_samples.numpy() / 16_000, spoken + pauses, atol=0.0002)
        assert batch.waveforms.numel() <= 30 * 16_000 or len(plan) == 1
        num_samples += int(batch.num_samples.sum())
        num_padded += batch.waveforms.numel()
    assert num_samples > 1.5 * 16_000 * sum(example.utterance.duration for example in examples)
    assert num_samples > 0.8 * num_padded
    first, second = (settings.pauses(len(examples), epoch) for epoch in (1, 2))
    assert not np.array_equal(first, second)


def test_babble_is_what_others_of_the_training_set_say(tmp_path: Path) -> None:
    """A is a tone of 350 Hz and D one of 2800 Hz: a voice between 2 and 4 kHz is not the utterance's own."""
    utterances = read_manifest(write_corpus(tmp_path, "train", ["AAA", *["DDD"] * 9], seed=1))
    settings = AugmentSettings.parse(
        {"babble": {"share": 1, "snr": [0, 0]}, "speeds": [1], "noise_share": 0}, source="conf"
    )
    crowd, alone = (
        TrainingBatches([Example(u, (2,)) for u in some], BatchSettings(settings, 0.1, seed=1))
        for some in (utterances, utterances[:1])
    )

    def share(batches: TrainingBatches, low: float, high: float) -> float:
        (batch,) = [batch for batch in batches.epoch(1) if batch.ids == ("train0",)]
        power = np.abs(np.fft.rfft(batch.waveforms[0].numpy())) ** 2
        frequency = np.fft.rfftfreq(batch.waveforms.shape[1], 1 / 16_000)
        return float(power[(frequency > low) & (frequency < high)].sum() / power.sum())

    assert share(crowd, 300, 400) + share(crowd, 2600, 3000) > 0.99
    assert 0.3 < share(crowd, 300, 400) < 0.7
    assert 0.3 < share(alone, 300, 400) < 0.8  # and the rest is noise with the spectrum of speech
    assert share(alone, 2600, 3000) < 0.1


def test_a_segment_is_read_from_its_offset_and_a_file_without_offset_whole(tmp_path: Path) -> None:
    write_corpus(tmp_path, "long", ["ABCD ABCD ABCD"], seed=1)
    path = tmp_path / "long" / "long0.wav"
    whole = load_utterance(Utterance(path, 1.0, "", "a"))
    first = load_utterance(Utterance(path, 0.5, "", "b", offset=0.0))
    later = load_utterance(Utterance(path, 0.5, "", "c", offset=0.25))
    assert len(whole) > 24_000
    assert np.array_equal(first, whole[:8000])
    assert np.array_equal(later, whole[4000:12_000])
