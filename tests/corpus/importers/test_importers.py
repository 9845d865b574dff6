"""`asr import` and its readers: small corpora written by hand in each form."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.corpus.importers.rows import read_folder, read_nemo, to_utterances
from asr.corpus.importers.tables import read_table
from asr.corpus.manifest import read_manifest
from asr.errors import ManifestError
from tests.support.command_line import written
from tests.support.small_sounds import brief, sound


def test_a_folder_of_sounds_with_texts_beside(asr, tmp_path: Path) -> None:
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


def test_a_comma_table_with_quotes_and_guessed_columns(tmp_path: Path) -> None:
    sound(tmp_path / "wav/a.wav")
    sound(tmp_path / "b.wav", 0.25)
    table = written(
        tmp_path / "t.csv", "speaker,wav_filename,n,transcript", 'anna,wav/a.wav,1,"A, ""B"""', "", "bert,b.wav,2,C"
    )
    utterances, left_out = to_utterances(read_table(table, separator=","), source=table)
    assert brief(utterances) == [("a", 'A, "B"', "anna", None, 0.5), ("b", "C", "bert", None, 0.25)]
    assert left_out is None


def test_a_tab_table_as_of_common_voice_with_columns_and_folder_named(asr, tmp_path: Path) -> None:
    sound(tmp_path / "clips/c1.mp3", 1.0, rate=48_000)
    written(tmp_path / "t.tsv", "client_id\tpath\tsentence\tnorm", 'x9\tc1.mp3\t"So, he said\tso he said')
    options = ["--audio-folder", tmp_path / "clips"]
    assert asr("import", "tsv", tmp_path / "t.tsv", tmp_path / "m.jsonl", *options).code == 0
    (utterance,) = read_manifest(tmp_path / "m.jsonl")
    assert (utterance.id, utterance.text, utterance.speaker) == ("c1", '"So, he said', "x9")
    assert utterance.duration == pytest.approx(1.0, abs=0.1)  # mp3 comes in frames
    options += ["--text-column", "norm", "--audio-column", "path"]
    assert asr("import", "tsv", tmp_path / "t.tsv", tmp_path / "m.jsonl", *options).code == 0
    assert read_manifest(tmp_path / "m.jsonl")[0].text == "so he said"


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (["a,b", "1,2"], {}, r"no column of sound files \(--audio-column\): the first line has a, b; expected audio_f"),
        (["path,b", "1,2"], {}, r"no column of texts \(--text-column\): the first line has path, b; expected text or"),
        (["path,text", "1,2"], {"text_column": "t"}, "the first line has path, text; expected t$"),
        (["path,text,text", "1,2,3"], {}, "the first line has text twice"),
        (["path;text", "1;2"], {}, "are the columns separated by a semicolon"),
        (["path,text", '1,"2'], {}, "line 2: not a table that can be read"),
        (["path,text", '1,"2', "3,4", '5,6"'], {}, "lines 2 to 4: not a table .* holds whole lines"),
        ([], {}, "no column of sound files"),
    ],
)
def test_broken_tables_are_refused(tmp_path: Path, lines: list[str], options: dict[str, str], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_table(written(tmp_path / "t.csv", *lines), separator=",", **options)


def test_a_folder_without_texts_says_what_was_looked_for_and_what_to_do(refusal, tmp_path: Path) -> None:
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


def test_a_wrong_header_is_refused_before_the_rest_is_read(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(b"a,b\n" + b"\xff\n")  # a line that cannot be read is never reached
    with pytest.raises(ManifestError, match="no column of sound files"):
        read_table(table, separator=",")


@pytest.mark.parametrize(("kind", "separator"), [("tsv", "\t"), ("csv", ",")])
def test_a_row_with_a_cell_too_many_is_named_and_can_be_left_out(asr, refusal, tmp_path, kind, separator) -> None:
    sound(tmp_path / "a b.wav")
    rows = [["\ufeffPath", "Text"], ["a b.wav", "A"], ["a b.wav", "B", "C"]]
    table = tmp_path / f"t.{kind}"
    table.write_text("".join(separator.join(row) + "\r\n" for row in rows))
    message = refusal("import", kind, table, tmp_path / "m.jsonl")
    assert f"{table}, line 3: 3 cells, expected 2: Path, Text" in message
    assert message.endswith("leave them out with --skip-missing, which keeps 1")
    result = asr("import", kind, table, tmp_path / "m.jsonl", "--skip-missing")
    assert (result.code, "line 3: 3 cells" in result.err) == (0, True)
    assert brief(read_manifest(tmp_path / "m.jsonl")) == [("a b", "A", None, None, 0.5)]


def test_parts_of_a_file_and_channels_of_a_nemo_manifest(asr, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "c.wav", np.zeros((16_000, 2)), 8000)
    lines = [
        {"audio_filepath": "c.wav", "text": "A", "duration": 0.5},  # NeMo reads no more than that
        {"audio_filepath": "c.wav", "text": "B", "offset": 0.5, "duration": 0.5, "channel_selector": 1},
        {"audio_filepath": "c.wav", "text": "C", "offset": 0.5, "duration": 0.5, "channel_selector": [0]},
        {"audio_filepath": "c.wav", "text": "D", "offset": 1.0, "channel_selector": "average"},
        {"audio_filepath": "c.wav", "text": "E", "channel_selector": [0, 1]},
    ]
    assert asr("import", "nemo", written(tmp_path / "n.json", *lines), tmp_path / "m.jsonl").code == 0
    utterances = read_manifest(tmp_path / "m.jsonl")
    assert [(*u, channel.channel_selector) for u, channel in zip(brief(utterances), utterances, strict=True)] == [
        ("c", "A", None, 0.0, 0.5, None),
        ("c-00000500-channel1", "B", None, 0.5, 0.5, 1),
        ("c-00000500-channel0", "C", None, 0.5, 0.5, 0),
        ("c-00001000", "D", None, 1.0, 1.0, None),
        ("c-channel0+1", "E", None, None, 2.0, (0, 1)),
    ]
    # As a manifest as it is, without import, it has the same ids.
    written(tmp_path / "as-is.json", *({**line, "duration": 0.5, "channel_selector": None} for line in lines[:4:3]))
    assert [u.id for u in read_manifest(tmp_path / "as-is.json")] == ["c", "c-00001000"]


def test_a_nemo_manifest_without_durations_and_ids(asr, tmp_path: Path) -> None:
    for name in ("x/a.wav", "y/a.wav", "c.wav"):
        sound(tmp_path / name, 1.0)
    written(
        tmp_path / "n.json",
        {"audio_filepath": "x/a.wav", "text": "A", "duration": 99.0, "lang": "en"},
        {"audio_filepath": "y/a.wav", "text": "B", "duration": None, "speaker": 7},
        "",
        {"audio_filepath": "c.wav", "text": "C", "offset": 0.25, "duration": 0.5},
        {"audio_filepath": "c.wav", "text": "D", "offset": 0.75},
    )
    assert asr("import", "nemo", tmp_path / "n.json", tmp_path / "m.jsonl").code == 0
    assert brief(read_manifest(tmp_path / "m.jsonl")) == [
        (f"{tmp_path}/x/a", "A", None, None, 1.0),
        (f"{tmp_path}/y/a", "B", "7", None, 1.0),
        ("c-00000250", "C", None, 0.25, 0.5),
        ("c-00000750", "D", None, 0.75, 0.25),
    ]


GOOD = {"audio_filepath": "a.wav", "text": "A"}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '"a"',
        {"text": "A"},
        {**GOOD, "text": None},
        {**GOOD, "offset": -1.0},
        {**GOOD, "duration": float("nan")},
        {**GOOD, "channel_selector": [0, -1]},
    ],
)
def test_broken_nemo_lines_are_refused(tmp_path: Path, line: object) -> None:
    with pytest.raises(ManifestError, match="line 2: expected a JSON object with"):
        to_utterances(read_nemo(written(tmp_path / "n.json", GOOD, line)), source=tmp_path)


def test_what_is_missing_is_named_and_can_be_left_out(asr, refusal, tmp_path: Path) -> None:
    sound(tmp_path / "good.wav")
    written(tmp_path / "broken.wav", "this is no sound")
    lines = ["path\ttext", "good.wav\tA", "broken.wav\tB", *(f"no{n}.wav\tC" for n in range(12))]
    table = written(tmp_path / "t.tsv", *lines)
    message = refusal("import", "tsv", table, tmp_path / "m.jsonl")
    assert "13 of 14 utterances can not be used" in message
    assert f"{tmp_path}/broken.wav: not audio that can be read" in message
    assert f"{tmp_path}/no8.wav: no such file" in message
    assert "no9.wav" not in message  # ten are named
    assert message.endswith("; and 3 more; put that right, or leave them out with --skip-missing, which keeps 1")
    assert not (tmp_path / "m.jsonl").exists()

    result = asr("import", "tsv", table, tmp_path / "m.jsonl", "--skip-missing")
    assert result.code == 0
    assert result.err.startswith("asr: left out: 13 of 14 utterances")
    assert brief(read_manifest(tmp_path / "m.jsonl")) == [("good", "A", None, None, 0.5)]


def test_sounds_without_text_and_starts_beyond_the_end_are_missing_too(refusal, tmp_path: Path) -> None:
    sound(tmp_path / "in/a.wav")
    written(tmp_path / "in/b.txt", "B")
    sound(tmp_path / "in/b.wav")
    assert "in/a.wav: there is no text for a" in refusal("import", "folder", tmp_path / "in", tmp_path / "m.jsonl")
    empty = written(tmp_path / "e.csv", "path,text", f"{sound(tmp_path / 'e.wav', 0.0)},A")
    assert "e.wav: holds no samples" in refusal("import", "csv", empty, tmp_path / "m.jsonl")
    nemo = written(tmp_path / "n.json", {"audio_filepath": "in/a.wav", "text": "A", "offset": 0.5})
    assert "starts at 0.5 s, but the sound ends at 0.500 s" in refusal("import", "nemo", nemo, tmp_path / "m.jsonl")
    assert "no utterances in it" in refusal("import", "nemo", written(tmp_path / "e"), tmp_path / "m.jsonl")


def test_nothing_is_left_when_all_is_skipped(refusal, tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", "path,text", "no.wav,A")
    assert "no.wav: no such file" in refusal("import", "csv", table, tmp_path / "m.jsonl", "--skip-missing")


def test_doubled_utterances_are_refused(refusal, tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    table = written(tmp_path / "t.csv", "path,text", "a.wav,A", "a.wav,B")
    assert "stands 2 times" in refusal("import", "csv", table, tmp_path / "m.jsonl")
    ids = written(tmp_path / "i.csv", "id,path,text", "u,a.wav,A", "u,a.wav,B")
    assert "the utterance u stands 2 times" in refusal("import", "csv", ids, tmp_path / "m.jsonl")


def test_folders_that_are_none_or_empty(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(ManifestError, match="no sound files in it"):
        read_folder(tmp_path)
