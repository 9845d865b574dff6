"""The LibriSpeech recipes: on small made-up parts in its layout, downloads from a local server, and the real copy."""

import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from asr.corpus.manifest import read_manifest
from asr.errors import CorpusError
from recipes.librispeech import prepare as module
from recipes.librispeech import run as librispeech
from recipes.librispeech.prepare import Part, prepare_part, read_part
from recipes.mini_librispeech import run as mini
from tests.support.archives import packed
from tests.support.command_line import run_recipe
from tests.support.file_server import FileServer, assert_goes_on_after_a_break, file_server
from tests.support.tones import random_texts, speak

TRAINING = {"model": {"conv_channels": 4, "num_layers": 1, "hidden_size": 8}}
LOOP = {"max_epochs": 1, "batch_seconds": 6, "num_workers": 0}


def part_files(name: str, speakers: list[str], *, suffix: str = ".flac", seed: int = 1) -> dict[str, bytes]:
    """Two utterances a speaker, in one chapter."""
    rng = np.random.default_rng(seed)
    files = {"LibriSpeech/README.TXT": b"not used"}
    for speaker in speakers:
        chapter = f"LibriSpeech/{name}/{speaker}/77"
        texts = random_texts(2, seed=int(rng.integers(1000)))
        for number, text in enumerate(texts):
            sound = io.BytesIO()
            format, subtype = {".flac": ("FLAC", "PCM_16"), ".opus": ("OGG", "OPUS")}[suffix]
            soundfile.write(sound, speak(text, rng), 16_000, format=format, subtype=subtype)
            files[f"{chapter}/{speaker}-77-{number:04}{suffix}"] = sound.getvalue()
        lines = [f"{speaker}-77-{number:04} {text}\n" for number, text in enumerate(texts)]
        files[f"{chapter}/{speaker}-77.trans.txt"] = "".join(lines).encode()
    return files


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Has small parts of LibriSpeech, which the recipes then expect, and a text for language models."""
    monkeypatch.setenv("no_proxy", "*")
    with file_server() as state:
        monkeypatch.setattr(module, "MIRRORS", (f"{state.base}/down", state.base))
        for name, part in list(module.PARTS.items()):
            speakers = (
                ["10", "1737", "32"]
                if name == "train-clean-5"
                else [f"{name.replace('-', '')}{letter}" for letter in "ab"]
            )
            content = packed(part_files(name, speakers, seed=len(name)))
            state.files[f"/{part.resource}/{name}.tar.gz"] = content
            digest = hashlib.sha256(content).hexdigest()
            monkeypatch.setitem(module.PARTS, name, Part(part.resource, digest, 2 * len(speakers), len(speakers)))
        text = gzip.compress("".join(f"{text}\n" for text in random_texts(300, seed=9)).encode())
        state.files[f"/11/{module.LM_TEXT}"] = text
        monkeypatch.setattr(module, "LM_TEXT_SHA256", hashlib.sha256(text).hexdigest())
        yield state


def test_a_part_comes_from_the_server_goes_on_after_a_break_and_is_not_fetched_twice(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/31/train-clean-5.tar.gz"
    fetch = lambda: prepare_part("train-clean-5", tmp_path)  # noqa: E731
    assert_goes_on_after_a_break(server, path, fetch, pytest.raises(CorpusError, match="broke after"))
    utterances = read_manifest(tmp_path / "train-clean-5.jsonl")
    assert [u.id for u in utterances[:3]] == ["10-77-0000", "10-77-0001", "1737-77-0000"]
    assert [u.speaker for u in utterances] == ["10", "10", "1737", "1737", "32", "32"]
    assert all(u.duration == pytest.approx(soundfile.info(u.audio_filepath).duration) for u in utterances)
    (tmp_path / "train-clean-5.tar.gz").unlink()  # may go once it is unpacked
    num_requests = len(server.requests)
    fetch()
    assert len(server.requests) == num_requests
    assert "[fetch, prepare] done before" in capsys.readouterr().err


def test_a_download_with_another_checksum_is_refused(server: FileServer, tmp_path: Path) -> None:
    server.files["/31/train-clean-5.tar.gz"] = packed(part_files("train-clean-5", ["10", "1737", "32"], seed=99))
    with pytest.raises(CorpusError, match="wrong checksum"):
        prepare_part("train-clean-5", tmp_path)


def test_texts_are_those_of_the_transcripts(tmp_path: Path) -> None:
    files = part_files("x", ["5"])
    files["LibriSpeech/x/5/77/5-77.trans.txt"] = b"5-77-0001 IT'S  A\r\n5-77-0000 B\n"
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert [(u.id, u.text) for u in read_part(tmp_path / "LibriSpeech/x")] == [
        ("5-77-0001", "IT'S  A"),
        ("5-77-0000", "B"),
    ]


def changed(files: dict[str, bytes], change: str) -> dict[str, bytes]:
    sound, transcript = (
        "LibriSpeech/train-clean-5/32/77/32-77-0001.flac",
        "LibriSpeech/train-clean-5/32/77/32-77.trans.txt",
    )
    if change == "sound":
        del files[sound]
    elif change == "transcripts":
        del files[transcript]
    elif change == "text":
        files[transcript] = b"32-77-0000 A\n32-77-0001\n"
    else:
        files = {name.replace("train-clean-5", change): content for name, content in files.items()}
    return files


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("sound", "no sound file 32-77-0001"),
        ("transcripts", "found 4 utterances of 2 speakers below LibriSpeech/train-clean-5, expected 6 of 3"),
        ("text", "line 2: expected an id and its text"),
        ("dev-clean-2", "found 0 utterances of 0 speakers"),
    ],
)
def test_an_archive_that_is_not_the_part_is_refused_and_leaves_nothing(
    server: FileServer, tmp_path: Path, change: str, message: str
) -> None:
    files = changed(part_files("train-clean-5", ["10", "1737", "32"]), change)
    (tmp_path / "given.tar").write_bytes(packed(files, "w"))
    with pytest.raises(CorpusError, match=message):
        prepare_part("train-clean-5", tmp_path / "data", archive=tmp_path / "given.tar")
    assert list((tmp_path / "data" / "unpacked").iterdir()) == []


def small_conf(path: Path) -> Path:
    path.write_text(yaml.safe_dump({"data": {"train": "", "dev": ""}, **TRAINING, "training": LOOP}))
    return path


def test_mini_librispeech_from_an_opus_copy_has_no_test_set(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mini, "CONF", small_conf(tmp_path / "conf.yaml"))
    monkeypatch.setattr(mini, "run_seeds", lambda *given: print(json.dumps(list(given[0].tests))))
    (tmp_path / "opus.tar").write_bytes(packed(part_files("train-clean-5", ["10", "1737", "32"], suffix=".opus"), "w"))
    arguments = ["--data", str(tmp_path / "data"), "--archive", str(tmp_path / "opus.tar")]
    assert run_recipe(mini, arguments, monkeypatch) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert {u.speaker for u in read_manifest(tmp_path / "data/train.jsonl")} == {"10"}
    assert {u.speaker for u in read_manifest(tmp_path / "data/dev.jsonl")} == {"1737", "32"}
    assert server.requests == []


def test_mini_librispeech_from_its_home_is_tested_on_dev_clean_2(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mini, "CONF", small_conf(tmp_path / "conf.yaml"))
    # A model that has learnt nothing is not helped by a language model, and the tuning of one takes time.
    monkeypatch.setattr(mini, "LanguageModel", lambda unit, file: None)
    arguments = ["--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs")]
    assert run_recipe(mini, arguments, monkeypatch) == 0
    (record,) = json.loads((tmp_path / "runs" / "results.json").read_text())
    assert record["test"]["num_words"] == sum(
        len(u.text.split()) for u in read_manifest(tmp_path / "data" / "dev-clean-2.jsonl")
    )
    assert capsys.readouterr().out.startswith("| seed | dev | test | test CER |")


def test_a_missing_archive_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_recipe(mini, ["--data", str(tmp_path), "--archive", "nowhere.tar"], monkeypatch) == 2
    assert "[mini_librispeech] nowhere.tar: no such archive file" in capsys.readouterr().err


@pytest.mark.parametrize(("hours", "num_train"), [(100, 4), (960, 12)])
def test_librispeech_has_all_its_parts_and_a_language_model_of_its_text(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, num_train: int
) -> None:
    given = []
    monkeypatch.setattr(librispeech, "run_seeds", lambda *arguments: given.extend(arguments))
    assert (
        run_recipe(librispeech, ["--hours", str(hours), "--data", str(tmp_path), "--runs", "runs/x"], monkeypatch) == 0
    )
    experiment, runs, seeds, _ = given
    assert (runs, seeds) == (Path(f"runs/x_{hours}"), [1])
    assert len(read_manifest(experiment.train)) == num_train
    assert experiment.dev == tmp_path / "dev-clean.jsonl"
    assert experiment.tests == {name: tmp_path / f"{name}.jsonl" for name in ("dev-other", "test-clean", "test-other")}
    assert len({u.audio_filepath for path in experiment.tests.values() for u in read_manifest(path)}) == 12

    from asr.lm.formats import load_ngram_model

    assert load_ngram_model(experiment.language_model.file).order == 3
    num_requests = len(server.requests)
    assert (
        run_recipe(librispeech, ["--hours", str(hours), "--data", str(tmp_path), "--runs", "runs/x"], monkeypatch) == 0
    )
    assert len(server.requests) == num_requests


def test_the_real_opus_copy_has_the_official_counts(real_data: Path, tmp_path: Path) -> None:
    train, dev = mini.prepare_train(tmp_path, real_data / "train-clean-5-opus.tar")
    sizes = [(len(part), round(sum(u.duration for u in part) / 3600, 2)) for part in map(read_manifest, (train, dev))]
    assert sizes == [(1414, 4.93), (105, 0.38)]
