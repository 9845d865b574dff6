"""Manifests that a training meets in practice: missing sounds, utterances without end, texts without letters."""

import json
from pathlib import Path

import pytest

from asr.training.run.metrics import read_metrics
from tests.support.small_training import write_conf
from tests.support.tones import random_texts, write_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_corpus(tmp_path, "train", random_texts(14, seed=1), seed=1)
    write_corpus(tmp_path, "dev", random_texts(3, seed=2), seed=2)
    return tmp_path


def change(manifest: Path, number: int, **values: object) -> None:
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines[number] |= values
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_missing_sounds_are_named_and_left_out_if_asked(asr, refusal, corpus: Path) -> None:
    conf = write_conf(corpus, corpus / "conf.yaml", max_epochs=1)
    for number in range(12):
        (corpus / "train" / f"train{number}.wav").unlink()
    message = refusal("train", conf, "--run", corpus / "run")
    assert "train.jsonl: 12 of 14 sound files are missing: " in message
    assert message.count(".wav") == 10
    assert " and 2 more" in message
    assert "--skip-missing" in message
    result = asr("train", conf, "--run", corpus / "run", "--skip-missing")
    assert result.code == 0, result.err
    said = " ".join(result.err.split())
    assert f"left out: {corpus / 'train.jsonl'}: 12 of 14 sound files are missing" in said
    assert "train 2 utterances" in said
    for path in (corpus / "dev").iterdir():
        path.unlink()
    assert "dev.jsonl: 3 of 3 sound files are missing" in refusal(
        "train", conf, "--run", corpus / "other", "--skip-missing"
    )


@pytest.mark.parametrize("part", ["train", "dev"])
def test_an_utterance_of_half_an_hour_is_refused_with_the_limit(refusal, corpus: Path, part: str) -> None:
    change(corpus / f"{part}.jsonl", 1, duration=1800.0)
    message = refusal("train", write_conf(corpus, corpus / "conf.yaml"), "--run", corpus / "run")
    assert f"{part}.jsonl: 1 utterances are longer than data.max_seconds, 120: {part}1 (line 2, 1800 s)" in message
    assert "cut them into sentences" in message


def test_an_empty_text_is_learnt_as_silence(asr, corpus: Path) -> None:
    change(corpus / "train.jsonl", 2, text="")
    change(corpus / "dev.jsonl", 0, text="")
    result = asr("train", write_conf(corpus, corpus / "conf.yaml", max_epochs=2), "--run", corpus / "run")
    assert result.code == 0, result.err
    assert [record.num_skipped for record in read_metrics(corpus / "run" / "metrics.jsonl")] == [0, 0]


def test_texts_that_are_all_empty_are_refused(refusal, corpus: Path) -> None:
    for number in range(14):
        change(corpus / "train.jsonl", number, text="")
    message = refusal("train", write_conf(corpus, corpus / "conf.yaml"), "--run", corpus / "run")
    assert "text" in message
