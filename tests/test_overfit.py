"""The self-test on one batch: a sound set-up passes it, a broken one does not."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from small_training import settings_for
from tones import random_texts, write_corpus

from asr.corpus.batches import Example
from asr.corpus.manifest import Utterance, read_manifest
from asr.model import AcousticModel
from asr.settings import load_settings
from asr.training.overfit import NUM_UTTERANCES, choose, describe, overfit_one_batch
from asr.training.settings import ExperimentSettings

LEARNS = ["model.hidden_size=24", "model.subsampling=4"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_corpus(tmp_path, "train", random_texts(20, seed=1), seed=1)
    write_corpus(tmp_path, "dev", random_texts(2, seed=2), seed=2)
    return tmp_path


def test_a_sound_set_up_learns_its_batch_by_heart(asr, corpus: Path) -> None:
    settings = settings_for(corpus, corpus, LEARNS)
    result = asr("train", corpus / "conf.yaml", "--overfit", *(word for key in LEARNS for word in ("--set", key)))
    assert result.code == 0, result.out
    assert result.out.startswith("overfit one batch: reached after ")
    texts = {utterance.text for utterance in read_manifest(corpus / "train.jsonl")}
    heard = [line.split("heard", 1)[1].strip() for line in result.out.splitlines() if line.strip().startswith("heard")]
    assert len(heard) == NUM_UTTERANCES
    assert set(heard) <= texts
    assert not (corpus / "runs").exists()
    assert settings.model.dropout > 0  # which the test switches off


def test_sounds_that_are_all_the_same_are_not_learnt(asr, corpus: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    lines = [json.loads(line) for line in (corpus / "train.jsonl").read_text().splitlines()]
    for line in lines:
        soundfile.write(corpus / line["audio_filepath"], noise, 16_000)
        line["duration"] = 1.0
    (corpus / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    verdict = overfit_one_batch(settings_for(corpus, corpus, LEARNS), max_steps=60)
    assert not verdict.reached
    assert verdict.wer > 0
    assert describe(verdict).startswith("overfit one batch: not reached after 60 steps")
    assert "What to look at" in describe(verdict)


def test_a_network_that_is_cut_off_from_the_sound_does_not_learn(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer_outputs = AcousticModel.layer_outputs

    def deaf(self: AcousticModel, frames: torch.Tensor, num_frames: torch.Tensor) -> object:
        return layer_outputs(self, torch.zeros_like(frames), num_frames)

    monkeypatch.setattr(AcousticModel, "layer_outputs", deaf)
    assert not overfit_one_batch(settings_for(corpus, corpus, LEARNS), max_steps=60).reached


def test_the_utterances_are_short_and_their_texts_differ() -> None:
    examples = [
        Example(Utterance(Path("a.wav"), float(number), "", str(number)), tokens=(number % 30, 1) if number % 5 else ())
        for number in range(1, 101)
    ]
    chosen = choose(examples)
    assert len(chosen) == len({example.tokens for example in chosen}) == NUM_UTTERANCES
    assert all(example.tokens for example in chosen)
    assert max(example.utterance.duration for example in chosen) < 20
    assert choose(examples[:3]) == examples[:3]


def test_an4s_network_learns_a_batch_of_an4(real_data: Path, tmp_path: Path) -> None:
    from recipes.an4.prepare import prepare

    if not (archive := real_data / "an4_sphere.tar.gz").exists():
        pytest.skip("no AN4 archive in ../shared/data")
    manifests = prepare(archive, tmp_path)
    conf = Path(__file__).parents[1] / "conf" / "an4.yaml"
    overrides = [f"data.train={manifests.train}", f"data.dev={manifests.dev}"]
    verdict = overfit_one_batch(load_settings(ExperimentSettings, conf, overrides), max_seconds=200.0)
    assert verdict.reached, describe(verdict)
