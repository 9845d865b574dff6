"""Corpora of the English recipe: what is trained on, what is not, and the mixture of real and synthetic speech."""

import io
import json
import sys
import tarfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from asr.corpus.manifest import Utterance, read_manifest, write_manifest
from asr.errors import CorpusError
from recipes.english import mix as mix_recipe
from recipes.english import prepare as module
from recipes.english.mix import write_mixture
from recipes.english.prepare import Recording, prepare, read_extra, refuse_shared_speakers
from tests.support.hum import PROMPTS, SHARD, make

EXTRA: list[dict[str, Any]] = [
    {"id": "c1", "speaker": "kid", "text": "WE CALL IT BEAR", "corpus": "readers", "split": "train", "age": 6},
    {"id": "a1", "speaker": "ann", "text": "WE CALL IT BEAR", "corpus": "readers", "split": "train", "age": 30},
    {"id": "a2", "speaker": "ann", "text": "WE CALL IT BEAR", "corpus": "readers", "split": "train", "age": 30},
    {"id": "v1", "speaker": "vic", "text": "'TIS SO", "corpus": "common-voice", "split": "train", "accent": "Irish"},
    {"id": "v2", "speaker": "val", "text": "SHUT UP", "corpus": "common-voice", "split": "dev", "age": "teens"},
    {"id": "n1", "speaker": "ned", "written": "48 Ridge Road", "corpus": "numbers", "split": "train"},
]


def sound(seconds: float = 0.5) -> bytes:
    file = io.BytesIO()
    soundfile.write(
        file, 0.1 * np.random.default_rng(1).standard_normal(round(seconds * 16_000)), 16_000, format="FLAC"
    )
    return file.getvalue()


def extra_archive(path: Path, records: list[dict[str, Any]]) -> Path:
    lines = [json.dumps(record | {"audio_filepath": f"{record['id']}.flac", "duration": 0.5}) for record in records]
    files = {f"{record['id']}.flac": sound() for record in records} | {"manifest.jsonl": "\n".join(lines).encode()}
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"extra/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def corpus(folder: Path, name: str, texts: dict[str, str]) -> Path:
    """A manifest of utterances by id; the speaker is the id's first letter."""
    utterances = []
    for id_, text in texts.items():
        (folder / "wav").mkdir(parents=True, exist_ok=True)
        (folder / "wav" / f"{id_}.flac").write_bytes(sound())
        utterances.append(Utterance(folder / "wav" / f"{id_}.flac", 0.5, text, id_, speaker=f"{name}-{id_[0]}"))
    write_manifest(folder / f"{name}.jsonl", utterances)
    return folder / f"{name}.jsonl"


@pytest.fixture
def homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The corpora whose own recipes fetch them; these are tested with those recipes."""
    clean = (
        corpus(tmp_path / "5", "train", {"m1": "ONE TWO", "m2": "'BOUT TEN"}),
        corpus(tmp_path / "5", "dev", {"d1": "OH"}),
    )
    an4 = Namespace(train=corpus(tmp_path / "4", "an4", {"x1": "A N FOUR"}))
    voices = {"train": corpus(tmp_path / "v", "cv", {"w1": "don't go", "w2": "es ist 5 uhr", "w3": "schöne neue welt"})}
    monkeypatch.setattr(module, "prepare_train_clean_5", lambda folder, archive: clean)
    monkeypatch.setattr(module, "prepare_an4", lambda folder, archive: an4)
    monkeypatch.setattr(module, "prepare_part", lambda name, folder: corpus(tmp_path / name, name, {"l1": "A BOOK"}))
    monkeypatch.setattr(module, "prepare_common_voice", lambda language, folder, archive: voices)


def lines(path: Path) -> dict[str, dict[str, Any]]:
    assert read_manifest(path)
    return {record["id"]: record for record in map(json.loads, path.read_text().splitlines())}


def test_manifests(
    homes: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, data = extra_archive(tmp_path / "extra.tar", EXTRA), tmp_path / "data"
    arguments = [
        "--data",
        str(data),
        "--extra",
        str(archive),
        "--librispeech",
        "train-clean-100",
        "--common-voice",
        "cv.tar",
    ]
    monkeypatch.setattr(sys, "argv", ["prepare", *arguments])
    module.main()
    train = lines(data / "train.jsonl")
    assert list(train) == ["m1", "m2", "x1", "l1", "w1", "a1", "v1"]  # a2 is a second take; w2 and w3 are no words
    assert [train[id_]["text"] for id_ in ("m2", "w1", "v1")] == ["BOUT TEN", "DON'T GO", "TIS SO"]
    assert (train["a1"]["corpus"], train["a1"]["age"], train["v1"]["accent"]) == ("readers", 30, "Irish")
    assert train["l1"]["corpus"] == "librispeech"
    assert list(lines(data / "train_children.jsonl")) == ["c1"]
    assert list(lines(data / "dev_librispeech.jsonl")) == ["d1"]
    assert lines(data / "dev_common_voice.jsonl")["v2"]["age"] == "teens"
    assert "numbers: 1 recordings have no text" in capsys.readouterr().err
    before = (data / "train.jsonl").read_bytes()
    module.main()  # what is unpacked is used again
    assert (data / "train.jsonl").read_bytes() == before


def test_a_speaker_of_dev_is_not_trained_on(homes: None, tmp_path: Path) -> None:
    shared = [*EXTRA, EXTRA[4] | {"id": "v3", "split": "train", "text": "GO ON"}]
    given = Namespace(
        train_clean_5=None, an4=None, extra=extra_archive(tmp_path / "e.tar", shared), common_voice=None, librispeech=[]
    )
    with pytest.raises(CorpusError, match="dev_common_voice: 1 of its speakers are trained on, such as val"):
        prepare(tmp_path / "data", given)
    assert not (tmp_path / "data" / "train.jsonl").exists()
    child = Recording(Utterance(Path("a"), 1.0, "A", "a", speaker="s"), "c", {"age": 7})
    with pytest.raises(CorpusError, match="such as s"):
        refuse_shared_speakers({"train": [], "train_children": [child], "dev_c": [child]})


def test_other_archives_are_told(homes: None, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"audio_filepath": "a.wav", "duration": 1, "text": "A"}\n')
    with pytest.raises(CorpusError, match=r"m\.jsonl, line 1: expected a JSON object with the keys corpus and split"):
        list(read_extra(tmp_path / "m.jsonl"))
    (tmp_path / "m.jsonl").write_text("{broken\n")
    with pytest.raises(CorpusError, match="line 1: expected a JSON object"):
        list(read_extra(tmp_path / "m.jsonl"))
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    given = Namespace(train_clean_5=None, an4=None, extra=tmp_path / "empty.tar", common_voice=None, librispeech=[])
    with pytest.raises(CorpusError, match=r"expected one <folder>/manifest\.jsonl in it, found 0"):
        prepare(tmp_path / "data", given)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    (tmp_path / "prompts.txt").write_text("".join(f"{prompt}\n" for prompt in PROMPTS))
    make(tmp_path / "prompts.txt", tmp_path / "shards", hours=3 * SHARD)
    return tmp_path / "shards"


def test_a_mixture(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = corpus(tmp_path / "real", "r", {"m1": "ONE TWO", "m2": "THREE"})
    out = tmp_path / "mixed.jsonl"
    arguments = ["--real", str(real), "--times", "3", "--synthetic", f"{shards}={SHARD}", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["mix", *arguments])
    mix_recipe.main()
    mixed = read_manifest(out)
    assert [u.id for u in mixed[:6]] == ["m1", "m2", "m1-2", "m2-2", "m1-3", "m2-3"]
    spoken = mixed[6:]
    assert [u.id for u in spoken] == [f"hum-1-{n:07}" for n in range(len(spoken))]
    seconds = [u.duration for u in spoken]
    assert sum(seconds[:-1]) < SHARD * 3600 <= sum(seconds)
    assert all(soundfile.info(u.audio_filepath).duration == pytest.approx(u.duration) for u in spoken)
    assert f"{3 / (3 + sum(seconds)):.0%} of it real" in capsys.readouterr().err

    cut = spoken[0].audio_filepath
    whole = cut.read_bytes()
    cut.write_bytes(whole[:50])
    write_mixture([real], 1, {shards: SHARD}, out)
    assert cut.read_bytes() == whole
    assert len(read_manifest(out)) == 2 + len(spoken)
    with pytest.raises(CorpusError, match=r"shards: has 0\.\d+ h, expected 5"):
        write_mixture([real], 1, {shards: 5.0}, out)
    monkeypatch.setattr(sys, "argv", ["mix", "--real", str(real), "--synthetic", "shards", "--out", str(out)])
    with pytest.raises(SystemExit):
        mix_recipe.main()
    assert "expected a folder of shards and hours" in capsys.readouterr().err
