"""What a file is taken for, by its content; ids and texts are the same in every form."""

import json
from pathlib import Path

import pytest

from asr.errors import ScoringError
from asr.scoring import pair, read_texts, score
from asr.scoring.inputs.read import read_contents
from tests.support.command_line import written

TEXTS = {"rec1-a": "the cat sat", "rec1-b": "", "rec2-a": "on the mat"}
SAME = {
    "trn": "".join(f"{text} ({id})\n" for id, text in TEXTS.items()),
    "kaldi": "".join(f"{id} {text}\n" for id, text in TEXTS.items()),
    "json": "".join(json.dumps({"id": id, "text": text}) + "\n" for id, text in TEXTS.items()),
    "tsv": "id\ttext\n" + "".join(f"{id}\t{text}\n" for id, text in TEXTS.items()),
}


@pytest.mark.parametrize("reference", SAME)
@pytest.mark.parametrize("hypothesis", SAME)
def test_any_two_forms_with_ids_are_matched(tmp_path: Path, reference: str, hypothesis: str) -> None:
    """The names of the files say nothing."""
    files = [tmp_path / "r", tmp_path / "h"]
    for path, form in zip(files, (reference, hypothesis), strict=True):
        path.write_text(SAME[form])
        contents = read_contents(path)
        assert contents.form == form
        assert any("read as" in note for note in contents.notes)
    pairs = pair(*files)
    assert dict(zip(pairs.ids, pairs.references, strict=True)) | TEXTS == TEXTS or reference == "trn"
    assert score(pairs.references, pairs.hypotheses, ids=pairs.ids).errors == 0


@pytest.mark.parametrize("form", SAME)
@pytest.mark.parametrize(
    ("before", "end", "after"), [("\ufeff", "\n", ""), ("", "\r\n", ""), ("\ufeff", "\r\n", "\r\n\r\n")]
)
def test_marks_and_ends_of_windows_change_nothing(tmp_path: Path, form: str, before: str, end: str, after: str) -> None:
    path = tmp_path / "a"
    path.write_bytes((before + SAME[form].replace("\n", end) + after).encode())
    assert read_texts(path) == TEXTS


@pytest.mark.parametrize("name", ["talk.stm", "talk.ctm"])
def test_times_with_marks_and_ends_of_windows_and_blank_lines(tmp_path: Path, name: str) -> None:
    plain = (Path(__file__).parents[2] / "data/score" / name).read_text()
    path = tmp_path / "a"
    path.write_bytes(("\ufeff" + plain.replace("\n", "\r\n\r\n") + "\r\n").encode())
    assert read_texts(path) == read_texts(written(tmp_path / "b", plain))


@pytest.mark.parametrize(
    ("lines", "form"),
    [
        (["hello there", "good day"], "text"),
        (["1 2 3 4 5 6", "2 3 4 5 6 7"], "text"),  # figures are no times
        (["b1 x", "b1 y"], "text"),  # the same first word twice is no id
        (["mp3 files", "are here"], "text"),
        (["u1 x"], "text"),  # one line says too little
        (["a\tb", "c\td"], "text"),
        (["{ a / b } (x)", "c (y)"], "trn"),
        (["a 1 0.5 0.2 x"], "ctm"),
        (["a 1 0.5 0.2 7 0.98"], "ctm"),
        (["a 1 0.5 0.2 x NA"], "ctm"),
        (["a 1 s 0.5 1.2 x y"], "stm"),
        (["a 1 s 0.5 1.2"], "stm"),
        ([";; comment", "", "a 1 s 0 1.25 x", "a 1 s 1.25 2 x"], "stm"),
        (['{"text": "a", "id": 1}'], "json"),
        (["{", '"text": "a", "id": 1', "}"], "json"),
        (["path\tsentence", "a.mp3\tb"], "tsv"),
    ],
)
def test_forms_are_recognised_by_content(tmp_path: Path, lines: list[str], form: str) -> None:
    assert read_contents(written(tmp_path / "a", *lines)).form == form


def test_a_form_can_be_given(tmp_path: Path) -> None:
    path = written(tmp_path / "a", "u1 x")
    assert [entry.id for entry in read_contents(path, form="kaldi").entries] == ["u1"]
    with pytest.raises(
        ScoringError, match=r"found 'csv' as the form of .*; expected text, trn, stm, ctm, json, tsv or"
    ):
        read_contents(path, form="csv")


def test_ids_in_kaldis_text_are_known_from_the_other_file(tmp_path: Path) -> None:
    references = written(tmp_path / "r.jsonl", {"id": "anna", "text": "x y"}, {"id": "ben", "text": "z"})
    hypotheses = written(tmp_path / "h.txt", "ben z", "anna x")
    pairs = pair(references, hypotheses)
    assert (pairs.ids, pairs.hypotheses) == (("anna", "ben"), ("x", "z"))
    pairs = pair(hypotheses, references)
    assert (pairs.ids, pairs.references) == (("ben", "anna"), ("z", "x"))


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("h.csv", ["id,text", "a,b"], "h.csv: .csv is not read"),
        ("h.txt", ["1", "00:00:00,000 --> 00:00:01,000", "a"], "subtitles are not read"),
        ("h.tsv", ["a.wav\tA B", "b.wav"], "h.tsv, line 2: found 1 columns separated by tabs, expected 2"),
        (
            "h.stm",
            ["a 1 s 0 1 x", "a 1 s 0"],
            "h.stm, line 2: expected recording, channel, speaker, start, end and text",
        ),
        ("h.txt", ["a 1 nan 0.2 x", "a 1 0.5 0.2 y"], "h.txt, line 1: the start is 'nan', expected seconds"),
        ("h.txt", ["a 1 s 0.0 1.5 x"] * 9 + ["a 1"], "h.txt, line 10: expected recording"),
        ("h.ctm", ["a 1 0 0.5"], "h.ctm, line 1: expected recording, channel, start, duration and word"),
        ("h.ctm", ["a 1 nan 0.5 x"], "line 1: the start is 'nan', expected seconds, zero or more"),
        ("h.ctm", ["a 1 0 -0.5 x"], "line 1: the duration is '-0.5', expected seconds"),
        ("h.ctm", ["a 1 0 0.5 x high"], "line 1: the confidence is 'high', expected a number or NA"),
        ("h.stm", ["a 1 s NaN 1 x"], "line 1: the start is 'NaN'"),
        ("h.stm", ["a 1 s 2.5 1.0 x"], "line 1: the end, 1.0, is before the start, 2.5"),
        ("h.jsonl", [{"id": 1, "text": "a", "duration": float("nan")}], 'line 1: "duration" is nan, expected seconds'),
        ("h.tsv", ["source\tchannel\tstart\tend\ttext", "a\t1\t0\t1\t" + "a" * 200_000], "table of asr (field"),
        ("h.stm", ["; a", "a 1 s 0.0 1.0 x"], "h.stm, line 1: expected recording, channel, speaker"),
        ("h.jsonl", [{"id": 1, "text": "a", "offset": -1}], 'line 1: "offset" is -1, expected seconds'),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, lines: list[object], message: str) -> None:
    with pytest.raises(ScoringError) as refused:
        read_contents(written(tmp_path / name, *lines))
    assert message in str(refused.value)


def test_a_folder_has_a_recording_in_each_file(tmp_path: Path) -> None:
    references = written(
        tmp_path / "r.jsonl",
        {"audio_filepath": "wav/talk.wav", "duration": 9.5, "text": "a b"},
        {"audio_filepath": "wav/walk.wav", "duration": 9.5, "text": "c"},
    )
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(ScoringError, match=r"out: is a folder without files .json or .txt"):
        pair(references, folder)
    written(folder / "talk.txt", "a", "b")
    written(folder / "walk.txt", "d")
    assert pair(references, folder).hypotheses == ("a b", "d")
    for name in ("talk", "walk"):  # Whisper writes both
        written(folder / f"{name}.json", {"text": f" {name}", "segments": [], "language": "en"})
    assert pair(references, folder).hypotheses == ("talk", "walk")
