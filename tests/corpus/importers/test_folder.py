"""`asr import folder`: sound files with texts beside them."""

import json
from pathlib import Path

import pytest

from asr.corpus.importers.entries import to_utterances
from asr.corpus.importers.folder import read_folder
from asr.corpus.manifest import read_manifest
from asr.errors import ManifestError
from tests.support.command_line import Refusal, RunAsr, written
from tests.support.small_sounds import brief, sound


def test_a_folder_of_sounds_with_texts_beside(asr: RunAsr, tmp_path: Path) -> None:
    sound(tmp_path / "in/b/one.wav", 0.25)
    sound(tmp_path / "in/a/one.flac", 0.5)
    sound(tmp_path / "in/two.WAV", 1.0, rate=44_100)
    written(tmp_path / "in/b/one.txt", "  HALLO ", "WELT")
    written(tmp_path / "in/a/one.txt", "ÄÖ")
    written(tmp_path / "in/two.txt", "")
    written(tmp_path / "in/notes.txt", "no sound of this name")
    result = asr("import", "folder", tmp_path / "in", tmp_path / "m.jsonl")
    assert (result.code, result.out) == (0, f"{tmp_path / 'm.jsonl'}\n")
    assert result.err == "asr: 3 utterances, 0.00 h\n"
    assert brief(read_manifest(tmp_path / "m.jsonl")) == [
        ("a/one", "ÄÖ", None, None, 0.5),
        ("b/one", "HALLO WELT", None, None, 0.25),
        ("two", "", None, None, 1.0),
    ]
    assert json.loads((tmp_path / "m.jsonl").read_text().splitlines()[0])["audio_filepath"] == "in/a/one.flac"


def test_a_folder_without_texts_says_what_was_looked_for_and_what_to_do(refusal: Refusal, tmp_path: Path) -> None:
    for number in range(3):
        sound(tmp_path / "in" / f"{number}.wav")
    message = refusal("import", "folder", tmp_path / "in", tmp_path / "m.jsonl")
    assert "none of its 3 sound files has a text; looked for a .txt of the same name" in message
    assert "such as 0.txt beside 0.wav; found no other file that could hold texts" in message
    written(tmp_path / "in" / "metadata.csv", "path,text")
    message = refusal("import", "folder", tmp_path / "in", tmp_path / "m.jsonl", "--skip-missing")
    assert "other files that may hold them: metadata.csv" in message
    assert "asr import csv TABLE OUT" in message
    assert "--skip-missing" not in message


def test_folders_behind_links_are_read_and_what_macos_adds_is_not(tmp_path: Path) -> None:
    sound(tmp_path / "disk" / "a.wav")
    written(tmp_path / "disk" / "a.TXT", "A")
    (tmp_path / "in").mkdir()
    written(tmp_path / "in" / "._b.wav", "no sound")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "back").symlink_to(tmp_path / "in")
    assert [u[:2] for u in brief(to_utterances(read_folder(tmp_path / "in"), source=tmp_path)[0])] == [("link/a", "A")]


def test_folders_that_are_none_or_empty(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(ManifestError, match="no sound files in it"):
        read_folder(tmp_path)
