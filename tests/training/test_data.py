"""Manifests that a training meets in practice: missing sounds, utterances without end, texts that do not fit."""

import json
from pathlib import Path

import pytest

from asr.errors import AudioError, ManifestError, TokensError
from asr.training.run.metrics import read_metrics
from asr.training.train import train
from tests.support.command_line import Refusal, RunAsr
from tests.support.small_training import settings_for, write_conf, write_small_corpus
from tests.support.tones import random_texts, write_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_small_corpus(tmp_path, num_train=14, num_dev=3)


def change(manifest: Path, number: int, **values: object) -> None:
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines[number] |= values
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_missing_sounds_are_named_and_left_out_if_asked(asr: RunAsr, refusal: Refusal, corpus: Path) -> None:
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
def test_an_utterance_of_half_an_hour_is_refused_with_the_limit(refusal: Refusal, corpus: Path, part: str) -> None:
    change(corpus / f"{part}.jsonl", 1, duration=1800.0)
    message = refusal("train", write_conf(corpus, corpus / "conf.yaml"), "--run", corpus / "run")
    assert f"{part}.jsonl: 1 utterances are longer than data.max_seconds, 120: {part}1 (line 2, 1800 s)" in message
    assert "cut them into sentences" in message


def test_an_empty_text_is_learnt_as_silence(asr: RunAsr, corpus: Path) -> None:
    change(corpus / "train.jsonl", 2, text="")
    change(corpus / "dev.jsonl", 0, text="")
    result = asr("train", write_conf(corpus, corpus / "conf.yaml", max_epochs=2), "--run", corpus / "run")
    assert result.code == 0, result.err
    assert [record.num_skipped for record in read_metrics(corpus / "run" / "metrics.jsonl")] == [0, 0]


def test_texts_that_are_all_empty_are_refused(refusal: Refusal, corpus: Path) -> None:
    for number in range(14):
        change(corpus / "train.jsonl", number, text="")
    message = refusal("train", write_conf(corpus, corpus / "conf.yaml"), "--run", corpus / "run")
    assert "text" in message


def test_a_dev_set_without_a_word_is_refused_before_the_training(corpus: Path, tmp_path: Path) -> None:
    dev = write_corpus(tmp_path, "silence", ["", " "], seed=1)
    with pytest.raises(
        ManifestError, match=r"silence\.jsonl: none of the 2 texts has a word.*give data\.dev a manifest"
    ):
        train(settings_for(corpus, tmp_path, [f"data.dev={dev}"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_utterances_that_cannot_be_aligned_are_named_and_left_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    manifest = write_corpus(tmp_path, "train", ["AB", "CD", "AAAA"], seed=1)
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines[2]["text"] = "A" * 100
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    train(settings_for(tmp_path, tmp_path, max_epochs=1), tmp_path / "run")
    said = " ".join(capfd.readouterr().err.split())
    assert "left out, too short for their text: 1 utterances: train2" in said
    assert "199 tokens and repeats" in said
    assert "train 2 utterances" in said


def test_a_dev_text_outside_the_alphabet_names_character_utterance_and_line(corpus: Path, tmp_path: Path) -> None:
    dev = write_corpus(tmp_path, "dev", ["AB", "AÉ"], seed=1)
    dev.write_text("\n" + dev.read_text())  # the line is that of the file, blank lines counted
    settings = settings_for(corpus, tmp_path, [f"data.dev={dev}"])
    with pytest.raises(TokensError, match=r"dev\.jsonl, line 3, utterance dev1: the character 'É' \(U\+00C9\)"):
        train(settings, tmp_path / "run")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_broken_sound_file_in_the_midst_of_training_is_one_line(tmp_path: Path, num_workers: int) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    write_corpus(tmp_path, "train", random_texts(8, seed=1), seed=1)
    (tmp_path / "train" / "train3.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"train3\.wav") as caught:
        train(settings_for(tmp_path, tmp_path, num_workers=num_workers), tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_a_duration_that_lies_is_one_line(tmp_path: Path) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    manifest = write_corpus(tmp_path, "train", ["AB", "CD AB"], seed=1)
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines[0] |= {"text": "A" * 60, "duration": 9.0}
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    expected = r"train0\.wav, utterance train0 \(line 1\): lasts 0\.38 s, the manifest says 9\.00 s; `asr doctor --fix`"
    with pytest.raises(AudioError, match=expected):
        train(settings_for(tmp_path, tmp_path), tmp_path / "run")
