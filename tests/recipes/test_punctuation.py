"""The training of the tagger of marks and capitals, and its scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr.errors import TrainingError
from asr.settings import dump_settings, load_settings
from asr.text.tagger_file import tagger_from_file
from asr.text.tags import CAPITAL, LOWER, MIXED
from recipes.english.mark_baseline import Baseline
from recipes.english.mark_scores import mean_f1, score_marks
from recipes.english.punctuation import CONF, evaluate, train, tune
from recipes.english.tagged_text import without_marks
from recipes.english.tagger_training import PunctuationSettings, Trainer, corpus_of, restored_words

SMALL: dict[str, dict[str, Any]] = {
    "network": {"vocabulary_size": 40, "num_buckets": 64, "vector_size": 8, "hidden_size": 8, "num_layers": 2},
    "training": {"window": 16, "batch_windows": 8, "steps": 60, "learning_rate": 0.05, "warmup_steps": 3,
                 "dev_steps": 20, "dev_words": 200, "ema_decay": 0.9, "weight_decay": 0.0},
    "use": {"left": 8, "step": 4, "right": 4},
}  # fmt: skip
SENTENCES = ["Yes, Anna sat.", "Did McDonald sit?", "Well, the cat sat.", "Did Anna sit?", "The cat of McDonald sat."]
TEXT = " ".join(SENTENCES[n] for n in np.random.default_rng(1).integers(0, 5, 200)).split()


def small(**training: int) -> PunctuationSettings:
    values = {**SMALL, "training": {**SMALL["training"], **training}}
    return PunctuationSettings.parse(values, source="test")


def test_scores_by_hand() -> None:
    reference = ["Yes,", "I", "do.", "Do", "you?", "No.", "McDonald", "does"]
    found = ["Yes,", "I", "do,", "do", "you?", "No?", "Mcdonald,", "does"]
    scores = score_marks(reference, found)
    counts = {name: (score.right, score.found, score.wanted) for name, score in scores.items()}
    assert counts == {
        "comma": (1, 3, 1), "full stop": (0, 0, 2), "question mark": (1, 2, 1), "capitals": (3, 4, 5),
    }  # fmt: skip
    assert scores["comma"].value == pytest.approx(2 * (1 / 3) * 1 / (1 / 3 + 1))  # harmonic mean
    assert mean_f1(scores) == pytest.approx((0.5 + 0 + 2 / 3 + 6 / 9) / 4)
    assert mean_f1(score_marks(reference, reference)) == 1


def test_a_text_as_numbers() -> None:
    corpus = corpus_of(["The", "cat,", "the", "McDonald.", "McDonald's", "sat?", "I", "met", "McDonald."])
    assert corpus.kinds[:2] == ["mcdonald", "the"]
    assert [corpus.kinds[word] for word in corpus.words[:3]] == ["the", "cat", "the"]
    assert corpus.marks.tolist() == [0, 1, 0, 2, 0, 3, 0, 0, 2]
    assert corpus.cases.tolist() == [-100, LOWER, LOWER, MIXED, MIXED, LOWER, -100, LOWER, MIXED]
    assert corpus.mixed == {"mcdonald": "McDonald"}
    assert corpus_of(["He", "met", "Ann"]).cases.tolist() == [-100, LOWER, CAPITAL]


def test_the_baseline_puts_what_was_most_frequent() -> None:
    baseline = Baseline(corpus_of(TEXT))
    said = ["WELL", "THE", "CAT", "SAT", "DID", "ANNA", "SIT"]
    assert " ".join(baseline.restored(said)) == "Well, the cat sat. Did Anna sit."


def test_it_learns_a_small_language(tmp_path: Path) -> None:
    Trainer(small(), TEXT, {"dev": TEXT}, tmp_path).train()
    found = restored_words(TEXT[:100], tagger_from_file(tmp_path / "tagger.safetensors"))
    assert mean_f1(score_marks(TEXT[:100], found)) > 0.9
    steps = [json.loads(line)["step"] for line in (tmp_path / "dev.jsonl").read_text().splitlines()]
    assert steps == [20, 40, 60]


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    settings = small(steps=12, dev_steps=6)
    whole = Trainer(settings, TEXT, {"dev": TEXT}, tmp_path / "whole")
    whole.train()
    for _ in range(12):
        parted = Trainer(settings, TEXT, {"dev": TEXT}, tmp_path / "parted")
        parted.train(minutes=0)  # a step, each time from the checkpoint
    for name, weights in whole.network.state_dict().items():
        assert torch.equal(weights, parted.network.state_dict()[name]), name
    for name in ("tagger.safetensors",):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parted" / name).read_bytes()
    with pytest.raises(TrainingError, match="of a training with other settings"):
        Trainer(small(steps=13), TEXT, {"dev": TEXT}, tmp_path / "parted").train()


def test_it_stops_when_dev_no_longer_improves(tmp_path: Path) -> None:
    Trainer(small(steps=5000, dev_steps=2, patience=2), TEXT, {"dev": ["No."] * 50}, tmp_path).train()
    assert len((tmp_path / "dev.jsonl").read_text().splitlines()) < 200


def test_from_texts_to_scores(tmp_path: Path) -> None:
    for part in ("train", "dev_books", "dev_modern", "test_books", "test_modern"):
        (tmp_path / f"{part}.txt").write_text(" ".join(TEXT[:300]) + "\n")
    train(small(steps=20, dev_steps=20), tmp_path, tmp_path / "run")
    tune(tmp_path, tmp_path / "run")
    results = evaluate(tmp_path, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "scores.json").read_text()) == results
    tagger = tagger_from_file(tmp_path / "run" / "tagger.safetensors")
    found = restored_words(TEXT[:300], tagger)
    assert without_marks(found) == without_marks(TEXT[:300])
    comma = score_marks(TEXT[:300], found)["comma"]
    assert results["tagger"]["test_books"]["comma"] == round(100 * comma.value, 1)


def test_the_settings_file_loads_and_is_written_back_equal(tmp_path: Path) -> None:
    settings = load_settings(PunctuationSettings, CONF)
    (tmp_path / "again.yaml").write_text(dump_settings(settings))
    assert load_settings(PunctuationSettings, tmp_path / "again.yaml") == settings
