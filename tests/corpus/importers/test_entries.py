"""What an importer has read -> utterances: what is missing or doubled is named, and can be left out."""

from pathlib import Path

from asr.corpus.manifest import read_manifest
from tests.support.command_line import Refusal, RunAsr, written
from tests.support.small_sounds import brief, sound


def test_what_is_missing_is_named_and_can_be_left_out(asr: RunAsr, refusal: Refusal, tmp_path: Path) -> None:
    sound(tmp_path / "good.wav")
    written(tmp_path / "broken.wav", "this is no sound")
    lines = ["path\ttext", "good.wav\tA", "broken.wav\tB", *(f"no{n}.wav\tC" for n in range(12))]
    table = written(tmp_path / "t.tsv", *lines)
    message = refusal("import", "tsv", table, tmp_path / "m.jsonl")
    assert "13 of 14 utterances cannot be used" in message
    assert f"{tmp_path}/broken.wav: not audio that can be read" in message
    assert f"{tmp_path}/no8.wav: no such file" in message
    assert "no9.wav" not in message  # ten are named
    assert message.endswith("; and 3 more; put that right, or leave them out with --skip-missing, which keeps 1")
    assert not (tmp_path / "m.jsonl").exists()

    result = asr("import", "tsv", table, tmp_path / "m.jsonl", "--skip-missing")
    assert result.code == 0
    assert result.err.startswith("asr: left out: 13 of 14 utterances")
    assert brief(read_manifest(tmp_path / "m.jsonl")) == [("good", "A", None, None, 0.5)]


def test_sounds_without_text_and_starts_beyond_the_end_are_missing_too(refusal: Refusal, tmp_path: Path) -> None:
    sound(tmp_path / "in/a.wav")
    written(tmp_path / "in/b.txt", "B")
    sound(tmp_path / "in/b.wav")
    assert "in/a.wav: there is no text for a" in refusal("import", "folder", tmp_path / "in", tmp_path / "m.jsonl")
    empty = written(tmp_path / "e.csv", "path,text", f"{sound(tmp_path / 'e.wav', 0.0)},A")
    assert "e.wav: holds no samples" in refusal("import", "csv", empty, tmp_path / "m.jsonl")
    nemo = written(tmp_path / "n.json", {"audio_filepath": "in/a.wav", "text": "A", "offset": 0.5})
    assert "starts at 0.5 s, but the sound ends at 0.500 s" in refusal("import", "nemo", nemo, tmp_path / "m.jsonl")
    assert "no utterances in it" in refusal("import", "nemo", written(tmp_path / "e"), tmp_path / "m.jsonl")


def test_nothing_is_left_when_all_is_skipped(refusal: Refusal, tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", "path,text", "no.wav,A")
    assert "no.wav: no such file" in refusal("import", "csv", table, tmp_path / "m.jsonl", "--skip-missing")


def test_doubled_utterances_are_refused(refusal: Refusal, tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    table = written(tmp_path / "t.csv", "path,text", "a.wav,A", "a.wav,B")
    assert "stands 2 times" in refusal("import", "csv", table, tmp_path / "m.jsonl")
    ids = written(tmp_path / "i.csv", "id,path,text", "u,a.wav,A", "u,a.wav,B")
    assert "the utterance u stands 2 times" in refusal("import", "csv", ids, tmp_path / "m.jsonl")
