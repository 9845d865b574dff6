"""Sounds without words: what they are by their spectra, how loud they are, and where training meets them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from asr.corpus.augment import AugmentSettings, background_noise
from asr.corpus.batches import BatchSettings, TrainingBatches
from asr.corpus.effects.nonspeech import nonspeech
from asr.corpus.effects.pause import add_pauses
from asr.corpus.manifest import read_manifest
from asr.corpus.waveforms import Example
from tests.support.loudness import BURST, RATE, decibels, power
from tests.support.tones import random_texts, write_corpus


def highest_line(sound: np.ndarray) -> float:
    """By how many dB the highest line of the spectrum stands out of the half octave around it."""
    lines = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2 + 1e-20
    best = 20 + int(lines[20:].argmax())
    return decibels(float(lines[best] / np.median(lines[int(best / 1.2) : int(best * 1.2) + 1])))


def test_a_third_is_noise_and_the_rest_has_tones_that_stand_out() -> None:
    sounds = [nonspeech(RATE, np.random.default_rng(seed)) for seed in range(150)]
    assert all(power(sound) == pytest.approx(1.0) for sound in sounds)
    above = np.array([highest_line(sound) for sound in sounds])
    assert 0.55 < np.mean(above > 16) < 0.78


@pytest.mark.parametrize("number", [1, 2, 80, 320, 5000])
def test_of_any_length_and_by_the_seed_alone(number: int) -> None:
    for seed in range(12):
        one, again = (nonspeech(number, np.random.default_rng(seed)) for _ in range(2))
        assert len(one) == number
        assert np.isfinite(one).all()
        assert np.array_equal(one, again)


def test_pauses_of_them_are_5_to_50_decibels_below_the_speech_which_stays_as_it_is(burst: np.ndarray) -> None:
    levels = []
    for seed in range(60):
        found = add_pauses(burst, (0.2, 0.0, 0.1), np.random.default_rng(seed), nonspeech_share=1.0)
        assert np.array_equal(found[3200:-1600], burst)
        levels.append(decibels(power(found[:3200]) / power(burst[BURST])))
    assert -50.5 < min(levels) < -35
    assert -20 < max(levels) < -4.5  # louder than any pause without them


def test_the_share_of_utterances_of_noise_has_no_words_and_is_loud(tmp_path: Path) -> None:
    utterances = read_manifest(write_corpus(tmp_path, "train", random_texts(24, seed=1), seed=1))
    examples = [Example(utterance, (2, 3)) for utterance in utterances] * 5
    settings = AugmentSettings(speeds=(1.0,), noise_share=0.5, nonspeech_share=1.0)
    one, two = (
        list(TrainingBatches(examples, BatchSettings(settings, 20.0, seed=1, num_workers=workers)).epoch(1))
        for workers in (0, 2)
    )
    assert all(torch.equal(a.waveforms, b.waveforms) for a, b in zip(one, two, strict=True))
    noise = [
        batch.waveforms[row, :length].numpy()
        for batch in one
        for row, length in enumerate(batch.num_samples.tolist())
        if batch.num_tokens[row] == 0
    ]
    assert 40 < len(noise) < 80
    levels = [decibels(power(sound)) for sound in noise]
    assert -60.5 < min(levels) < -50
    assert -20 < max(levels) < -9.5  # the noise of a room reaches -30


def test_half_of_the_noise_may_be_of_them() -> None:
    levels = [
        decibels(power(background_noise(1600, np.random.default_rng(seed), nonspeech_share=0.5))) for seed in range(400)
    ]
    assert 0.13 < np.mean(np.array(levels) > -30) < 0.27  # 20 of 50 dB, of one half
    assert 0.04 < np.mean(np.array(levels) < -60) < 0.21  # 10 of 40 dB, of the other
