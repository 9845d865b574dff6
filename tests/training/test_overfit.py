"""The self-test on one batch: reached where all is well, and not where sound, model or settings are broken."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import asr.training.step
from asr.corpus.manifest import Utterance, read_manifest, write_manifest
from asr.corpus.waveforms import Example
from asr.errors import AudioError, ManifestError, TrainingError
from asr.model import AcousticModel
from asr.settings import load_settings
from asr.training.diagnosis import overfit
from asr.training.diagnosis.overfit import choose, overfit_one_batch, plain
from asr.training.loss import training_losses
from asr.training.settings import ExperimentSettings
from tests.support.command_line import RunAsr
from tests.support.small_training import settings_for, write_conf
from tests.support.tones import SAMPLE_RATE, random_texts, write_corpus

MODEL = ["model.hidden_size=16", "model.dropout=0.5", "training.learning_rate=2e-2"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_corpus(tmp_path, "train", random_texts(30, seed=1), seed=1)
    return tmp_path  # without a dev set: it is not needed


def settings_of(corpus: Path, *overrides: str) -> ExperimentSettings:
    return settings_for(corpus, corpus, [*MODEL, *overrides])


def replace_sounds(corpus: Path, samples_of: Callable[[Utterance], np.ndarray]) -> None:
    for utterance in read_manifest(corpus / "train.jsonl"):
        soundfile.write(utterance.audio_filepath, samples_of(utterance), SAMPLE_RATE)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sound_set_up_learns_the_batch_by_heart(corpus: Path, seed: int) -> None:
    before = sorted(corpus.rglob("*"))
    settings = settings_of(corpus, f"training.seed={seed}")
    verdict = overfit_one_batch(settings)
    assert verdict.reached, verdict.text()
    assert (verdict.wer, verdict.noise_wer >= 0.5, verdict.loss <= 0.1) == (0.0, True, True)
    assert len(verdict.utterances) == 8
    assert all(one.reference == one.hypothesis for one in verdict.utterances)
    assert sorted(corpus.rglob("*")) == sorted([*before, corpus / "conf.yaml"])
    assert "overfit one batch: reached after" in verdict.text()


def test_the_same_noise_for_all_is_not_learnt(corpus: Path) -> None:
    noise = (0.1 * np.random.default_rng(1).standard_normal(SAMPLE_RATE)).astype(np.float32)
    replace_sounds(corpus, lambda utterance: noise)
    utterances = [
        Utterance(one.audio_filepath, 1.0, one.text, one.id)
        for one in read_manifest(corpus / "train.jsonl")
        if len(one.text) < 6
    ]
    write_manifest(corpus / "train.jsonl", utterances)
    verdict = overfit_one_batch(settings_of(corpus), max_steps=150)  # three times what it takes with the true sounds
    assert (verdict.reached, verdict.steps) == (False, 150)
    assert verdict.wer > 0.8
    assert "not reached after 150 steps" in verdict.text()
    assert "are they silent, broken, or all the same?" in verdict.text()


def test_silence_is_not_learnt(corpus: Path) -> None:
    replace_sounds(corpus, lambda utterance: np.zeros(round(utterance.duration * SAMPLE_RATE), np.float32))
    verdict = overfit_one_batch(settings_of(corpus), max_steps=20)
    assert (verdict.reached, verdict.wer) == (False, 1.0)


class _Broken(AcousticModel):
    """With a part that is zero and stays zero."""

    part = "head"

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        for parameter in self.get_submodule(self.part).parameters():
            parameter.data.zero_()
            parameter.requires_grad_(False)


@pytest.mark.parametrize("part", ["head", "layers.0.body", "subsampling.projection"])
def test_a_part_that_passes_nothing_on_is_found(corpus: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr(overfit, "AcousticModel", _Broken)
    monkeypatch.setattr(_Broken, "part", part)
    verdict = overfit_one_batch(settings_of(corpus), max_steps=150)
    assert not verdict.reached
    assert verdict.loss > 0.1


def test_a_model_that_tells_utterances_by_their_lengths_alone_is_found(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(corpus, "train", ["AB", "CD AB CD"], seed=1)
    settings = settings_of(corpus)
    assert overfit_one_batch(settings).reached
    monkeypatch.setattr(overfit, "AcousticModel", _Broken)
    monkeypatch.setattr(_Broken, "part", "subsampling.projection")
    verdict = overfit_one_batch(settings, max_steps=200)
    assert (verdict.wer, verdict.noise_wer) == (0.0, 0.0)  # all right, from noise too
    assert not verdict.reached
    assert "noise gives the same texts" in verdict.text()


def test_a_learning_rate_that_is_wrong_by_far_is_found(corpus: Path) -> None:
    for rate in ("1e-6", "1e3"):
        verdict = overfit_one_batch(settings_of(corpus, f"training.learning_rate={rate}"), max_steps=150)
        assert not verdict.reached
        assert "training.learning_rate" in verdict.text()


def test_time_is_limited_too(corpus: Path) -> None:
    verdict = overfit_one_batch(settings_of(corpus), max_seconds=-1.0)
    assert (verdict.reached, verdict.steps) == (False, 1)
    assert "a slow machine may need longer" in verdict.text()


def test_a_loss_that_is_not_a_number_ends_it(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asr.training.step, "training_losses", lambda *arguments: math.nan * training_losses(*arguments))
    verdict = overfit_one_batch(settings_of(corpus))
    assert (verdict.reached, verdict.steps) == (False, 1)
    assert "- the loss is not finite: " in verdict.text()


def example(name: str, duration: float, *tokens: int) -> Example:
    return Example(Utterance(Path(f"{name}.wav"), duration, name, name), tokens)


def test_the_shortest_utterances_of_different_texts_are_chosen() -> None:
    examples = [
        example("long", 9.0, 2, 3, 4),
        example("b", 1.0, 2, 3, 4),
        example("a", 1.0, 2, 3, 4),
        example("few", 0.5, 2),
        example("none", 0.1),
        *(example(f"u{number}", 2.0 + number, 3, 3, number) for number in range(9)),
    ]
    assert [one.utterance.id for one in choose(examples)] == ["a", "u0", "u1", "u2", "u3", "u4", "u5", "u6"]
    assert [one.utterance.id for one in choose(examples[:5])] == ["a", "few"]
    with pytest.raises(TrainingError, match="no two different texts"):
        choose(examples[:3])


def test_what_makes_learning_by_heart_harder_is_off(corpus: Path) -> None:
    settings = settings_of(corpus, "training.weight_decay=0.1", "augment.volume={share: 1}", "augment.noise_share=0.5")
    found = plain(settings)
    assert found.model.dropout == found.training.weight_decay == found.training.ema_decay == 0
    assert found.augment.volume is None
    assert (found.augment.speeds, found.augment.noise_share) == ((), 0)
    assert (found.augment.num_band_masks, found.augment.num_time_masks) == (0, 0)
    assert found.model.hidden_size == 16
    assert found.training.learning_rate == 2e-2


def test_data_that_cannot_be_used_are_refused(corpus: Path) -> None:
    settings = settings_of(corpus)
    sounds = sorted((corpus / "train").iterdir())
    sounds[0].unlink()
    with pytest.raises(ManifestError, match=r"1 of 30 sound files are missing: .*--skip-missing"):
        overfit_one_batch(settings)
    assert len(overfit_one_batch(settings, skip_missing=True).utterances) == 8
    records = [json.loads(line) for line in (corpus / "train.jsonl").read_text().splitlines()]
    lines = [json.dumps({**one, "duration": one["duration"] + 2}) + "\n" for one in records[1:]]
    (corpus / "train.jsonl").write_text("".join(lines))
    with pytest.raises(AudioError, match="the manifest says"):
        overfit_one_batch(settings)


def test_of_shards_the_first_is_learnt(asr: RunAsr, corpus: Path) -> None:
    assert asr("shard", corpus / "train.jsonl", corpus / "shards").code == 0
    verdict = overfit_one_batch(settings_of(corpus, f"data.train={corpus / 'shards'}"))
    assert verdict.reached, verdict.text()
    assert len(verdict.utterances) == 8


def test_the_command_says_what_was_heard_and_fails_where_nothing_was_learnt(asr: RunAsr, corpus: Path) -> None:
    conf = write_conf(corpus, corpus / "conf.yaml")
    overrides = [word for key in MODEL for word in ("--set", key)]
    result = asr("train", conf, "--overfit", *overrides)
    assert (result.code, result.out.count("    heard  ")) == (0, 8)
    assert not (corpus / "runs").exists()
    result = asr("train", conf, "--overfit", *overrides, "--set", "training.learning_rate=1e30")
    assert (result.code, "A long training would not" in result.out) == (1, True)
    result = asr("train", conf, "--overfit", "--resume")
    assert (result.code, "saves nothing" in result.err) == (2, True)


def test_an4s_network_learns_a_batch_of_an4(real_data: Path, tmp_path: Path) -> None:
    from recipes.an4.prepare import prepare

    if not (archive := real_data / "an4_sphere.tar.gz").exists():
        pytest.skip("no AN4 archive in ../shared/data")
    manifests = prepare(archive, tmp_path)
    conf = Path(__file__).parents[2] / "conf" / "an4.yaml"
    overrides = [f"data.train={manifests.train}", f"data.dev={manifests.dev}"]
    verdict = overfit_one_batch(load_settings(ExperimentSettings, conf, overrides), max_seconds=200.0)
    assert verdict.reached, verdict.text()
