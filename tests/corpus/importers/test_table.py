"""`asr import csv` and `tsv`: small tables written by hand."""

from pathlib import Path
from typing import Any

import pytest

from asr.corpus.importers.entries import to_utterances
from asr.corpus.importers.table import read_table
from asr.corpus.manifest import read_manifest
from asr.errors import ManifestError
from tests.support.command_line import Refusal, RunAsr, written
from tests.support.small_sounds import brief, sound


def test_a_comma_table_with_quotes_and_guessed_columns(tmp_path: Path) -> None:
    sound(tmp_path / "wav/a.wav")
    sound(tmp_path / "b.wav", 0.25)
    table = written(
        tmp_path / "t.csv", "speaker,wav_filename,n,transcript", 'anna,wav/a.wav,1,"A, ""B"""', "", "bert,b.wav,2,C"
    )
    utterances, left_out = to_utterances(read_table(table, separator=","), source=table)
    assert brief(utterances) == [("a", 'A, "B"', "anna", None, 0.5), ("b", "C", "bert", None, 0.25)]
    assert left_out is None


def test_a_tab_table_as_of_common_voice_with_columns_and_folder_named(asr: RunAsr, tmp_path: Path) -> None:
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
def test_broken_tables_are_refused(tmp_path: Path, lines: list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_table(written(tmp_path / "t.csv", *lines), separator=",", **options)


def test_a_wrong_header_is_refused_before_the_rest_is_read(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(b"a,b\n" + b"\xff\n")  # a line that cannot be read is never reached
    with pytest.raises(ManifestError, match="no column of sound files"):
        read_table(table, separator=",")


@pytest.mark.parametrize(("kind", "separator"), [("tsv", "\t"), ("csv", ",")])
def test_a_row_with_a_cell_too_many_is_named_and_can_be_left_out(
    asr: RunAsr, refusal: Refusal, tmp_path: Path, kind: str, separator: str
) -> None:
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
