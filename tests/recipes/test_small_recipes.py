"""The recipes yesno, ljspeech and common_voice on made-up corpora in their layouts, from a file and from a server."""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
import yaml

from asr.corpus.manifest import read_manifest
from asr.errors import CorpusError
from recipes.common_voice import run as common_voice
from recipes.ljspeech import run as ljspeech
from recipes.texts import spoken_words
from recipes.yesno import run as yesno
from tests.support.archives import packed
from tests.support.command_line import run_recipe
from tests.support.file_server import FileServer, assert_goes_on_after_a_break, file_server

RATE = 8000


def word_sound(digit: str, rng: np.random.Generator) -> np.ndarray:
    """A falling tone for no, a high one for yes, and a pause."""
    time = np.arange(round(rng.uniform(0.25, 0.35) * RATE)) / RATE
    pitch = 300 * time - 250 * time**2 if digit == "0" else 1200 * time
    tone = np.sin(2 * np.pi * pitch * rng.uniform(0.95, 1.05)) * np.sin(np.pi * time / time[-1])
    return np.concatenate([0.3 * tone, np.zeros(round(rng.uniform(0.1, 0.2) * RATE))])


def encoded(samples: np.ndarray, rate: int = RATE, format: str = "WAV") -> bytes:
    sound = io.BytesIO()
    soundfile.write(sound, samples, rate, format=format)
    return sound.getvalue()


def yesno_files(count: int = 60) -> dict[str, bytes]:
    """All different, at 8 kHz, named by what is said."""
    rng = np.random.default_rng(1)
    files = {"waves_yesno/README": b"", "waves_yesno/README~": b""}
    for number in rng.permutation(256)[:count]:
        digits = f"{number:08b}"
        samples = np.concatenate([word_sound(digit, rng) for digit in digits])
        samples += 0.002 * rng.standard_normal(len(samples))
        files[f"waves_yesno/{'_'.join(digits)}.wav"] = encoded(samples)
    return files


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "*")
    with file_server() as state:
        yield state


def serve(server: FileServer, recipe: ModuleType, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/corpus.tar.gz"] = content
    monkeypatch.setattr(recipe, "URLS", (server.base + "/corpus.tar.gz",))
    monkeypatch.setattr(recipe, "SHA256", hashlib.sha256(content).hexdigest())


def brief(path: Path) -> list[tuple[str, str, str | None]]:
    return [(u.id, u.text, u.speaker) for u in read_manifest(path)]


def test_yesno_from_the_server_to_the_table(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(server, yesno, packed(yesno_files()), monkeypatch)
    settings = yaml.safe_load(yesno.CONF.read_text())
    settings["training"] |= {"max_epochs": 2, "num_workers": 0}
    (tmp_path / "conf.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.setattr(yesno, "CONF", tmp_path / "conf.yaml")
    arguments = ["--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs")]
    assert run_recipe(yesno, arguments, monkeypatch) == 0
    splits = {name: brief(tmp_path / "data" / f"{name}.jsonl") for name in ("train", "dev", "test")}
    assert {name: len(split) for name, split in splits.items()} == {"train": 30, "dev": 10, "test": 20}
    assert len({id for split in splits.values() for id, _, _ in split}) == 60
    for id, text, _ in [u for split in splits.values() for u in split]:
        assert text == id.replace("_", " ").replace("0", "NO").replace("1", "YES")
    (record,) = json.loads((tmp_path / "runs" / "results.json").read_text())
    assert record["test"]["num_words"] == 160
    assert "dev_lm" not in record
    first = capsys.readouterr()
    assert run_recipe(yesno, arguments, monkeypatch) == 0
    assert capsys.readouterr().out == first.out
    assert len(server.requests) == 1


def test_yesno_with_a_recording_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "given.tar.gz").write_bytes(packed(yesno_files(59)))
    with pytest.raises(CorpusError, match=r"given.tar.gz: found 59 recordings in waves_yesno/, expected 60; remove it"):
        yesno.prepare(tmp_path / "data", tmp_path / "given.tar.gz")


def ljspeech_files(*rows: str) -> dict[str, bytes]:
    names = ("LJ001-0001", "LJ002-0001", "LJ049-0001", "LJ050-0002")
    files = {f"LJSpeech-1.1/wavs/{name}.wav": encoded(np.zeros(22_050), 22_050) for name in names}
    rows = rows or tuple(f'{name}|In 1902, "{name}|In nineteen-oh-two, "{name[:5]}' for name in names)
    return files | {"LJSpeech-1.1/metadata.csv": "".join(f"{row}\n" for row in rows).encode()}


def test_ljspeech_is_downloaded_in_two_goes_and_split_by_chapters(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, ljspeech, packed(ljspeech_files(), "w:bz2"), monkeypatch)
    monkeypatch.setattr(ljspeech, "NUM_RECORDINGS", 4)
    fetch = lambda: ljspeech.prepare(tmp_path, None)  # noqa: E731
    assert_goes_on_after_a_break(server, "/corpus.tar.gz", fetch, pytest.raises(CorpusError, match="broke after"))
    assert brief(tmp_path / "train.jsonl") == [
        ("LJ001-0001", "in nineteen oh two lj001", "LJ"),
        ("LJ002-0001", "in nineteen oh two lj002", "LJ"),
    ]
    assert brief(tmp_path / "dev.jsonl") == [("LJ049-0001", "in nineteen oh two lj049", "LJ")]
    assert brief(tmp_path / "test.jsonl") == [("LJ050-0002", "in nineteen oh two lj050", "LJ")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["LJ001-0001|a|b"], "found 4 recordings in LJSpeech-1.1/wavs and 1 texts, expected 4"),
        (["LJ001-0001|a"], r"metadata.csv, line 1: expected name\|text\|normalized text, found 2 of them"),
    ],
)
def test_another_ljspeech_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str], message: str
) -> None:
    monkeypatch.setattr(ljspeech, "NUM_RECORDINGS", 4)
    (tmp_path / "given.tar.bz2").write_bytes(packed(ljspeech_files(*rows), "w:bz2"))
    with pytest.raises(CorpusError, match=message):
        ljspeech.prepare(tmp_path / "data", tmp_path / "given.tar.bz2")
    assert not (tmp_path / "data" / "unpacked").exists()


def common_voice_files(language: str) -> dict[str, bytes]:
    files = {f"cv-1/{language}/clips/c{n}.mp3": encoded(np.zeros(48_000), 48_000, "MP3") for n in range(4)}
    header = "client_id\tpath\tsentence_id\tsentence\tup_votes\n"
    rows = {
        "train": 'x\tc0.mp3\ts0\t„Grüß Gott“, sagte’s "sie.\t2\nx\tc1.mp3\ts1\t ?!\t2\nx\tno.mp3\ts1\tA\t2\n',
        "dev": "y\tc2.mp3\ts2\tZwei\t2\n",
        "test": "z\tc3.mp3\ts3\tDrei-mal\t2\n",
    }
    return files | {f"cv-1/{language}/{split}.tsv": (header + row).encode() for split, row in rows.items()}


def test_common_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "de.tar.gz").write_bytes(packed(common_voice_files("de")))
    given = []
    monkeypatch.setattr(common_voice, "run_seeds", lambda *arguments: given.extend(arguments))
    arguments = ["--language", "de", "--data", str(tmp_path / "data"), "--runs", "runs/cv"]
    assert run_recipe(common_voice, arguments, monkeypatch) == 2
    assert "give it with --archive" in capsys.readouterr().err
    assert run_recipe(common_voice, [*arguments, "--archive", str(tmp_path / "de.tar.gz")], monkeypatch) == 0
    experiment, runs, _, _ = given
    assert runs == Path("runs/cv/de")
    assert brief(experiment.train) == [("c0", "grüß gott sagte's sie", "x")]
    assert brief(experiment.dev) == [("c2", "zwei", "y")]
    assert brief(experiment.tests["test"]) == [("c3", "drei mal", "z")]
    assert "[prepare] train.tsv: left out: 2 of 3 utterances cannot be used" in capsys.readouterr().err


def test_an_archive_of_another_language_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sw.tar.gz").write_bytes(packed(common_voice_files("sw")))
    with pytest.raises(CorpusError, match=r"expected <release>/de/train.tsv in it, found sw$"):
        common_voice.prepare("de", tmp_path / "data", tmp_path / "sw.tar.gz")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("“Don’t,” she said—twice!", "don't she said twice"),
        ("  'Tis the dogs' bowl, 3.5 m ", "tis the dogs bowl 3 5 m"),
        ("हिन्दी में।", "हिन्दी में"),  # vowel signs are marks, not letters
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("co\u00adop E\u0301TE\u0301", "coop été"),
        ("…", ""),
    ],
)
def test_spoken_words(text: str, words: str) -> None:
    assert spoken_words(text) == words
