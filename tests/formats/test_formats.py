"""Each format, read back by a strict reader of it written for the tests; and where there is one, by a library."""

import csv
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from praatio import textgrid as praatio

from asr.errors import OutputError
from asr.formats import FORMATS, render
from asr.formats.document import Document
from asr.transcript import Segment, Transcript, Word

WORDS = (Word("SAY", 0.1, 0.35, 0.93), Word('"HI"', 0.35, 0.6004, 1.0), Word("ÜBEN", 0.9, 1.5, 0.25))
NOTHING = Transcript((), 2.0, 0.0, source="none.wav")


def said(*words: Word, duration: float = 1.5, source: str = "talks/my talk\t2.mp3", channel: int = 1) -> Transcript:
    return Transcript((Segment(words),), duration, -2.0, source, channel)


TRANSCRIPT = said(*WORDS)
TWO_CHANNELS = Document(
    "talk",
    (
        Transcript((Segment(WORDS[:1]), Segment(WORDS[2:])), 1.5, -1.0, "talk.wav", 1),
        Transcript((Segment((Word("YES", 0.4, 0.7, 0.5),)),), 1.5, -2.0, "talk.wav", 2),
    ),
)

Interval = tuple[float, float, str]


def rendered(name: str, transcript: Transcript | Document) -> str:
    return FORMATS[name].render(transcript if isinstance(transcript, Document) else Document.of(transcript))


def columns(name: str, transcript: Transcript | Document) -> list[list[str]]:
    return [line.split(" ") for line in rendered(name, transcript).splitlines()]


def read_textgrid(text: str, tmp_path: Path) -> list[list[Interval]]:
    """Start, end and text of each interval of each tier of a TextGrid in the long format, the same as praatio reads."""
    head, *tiers = re.split(r"    item \[\d+\]:\n", text)
    assert re.fullmatch(
        r'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = \d+(\.\d+)?\n'
        rf"tiers\? <exists>\nsize = {len(tiers)}\nitem \[\]:\n",
        head,
    )
    found = [_read_tier(tier) for tier in tiers]
    path = tmp_path / "a.TextGrid"
    path.write_text(text, encoding="utf-8")
    grid = praatio.openTextgrid(str(path), includeEmptyIntervals=True)
    assert [[tuple(entry) for entry in tier.entries] for tier in grid.tiers] == found
    return found


def _read_tier(text: str) -> list[Interval]:
    head, *blocks = re.split(r"\n {8}intervals \[\d+\]:\n", text)
    assert re.fullmatch(
        r' {8}class = "IntervalTier"\n {8}name = "(\[\d+\] )?words"\n {8}xmin = 0\n {8}xmax = [\d.]+\n'
        rf" {{8}}intervals: size = {len(blocks)}",
        head,
    )
    assert re.findall(r"intervals \[(\d+)\]", text) == [str(n) for n in range(1, len(blocks) + 1)]
    intervals = []
    for block in blocks:
        number = r"(\d+(?:\.\d+)?)"
        fields = re.fullmatch(
            rf' {{12}}xmin = {number}\n {{12}}xmax = {number}\n {{12}}text = "((?:[^"]|"")*)"\n?', block
        )
        assert fields is not None
        intervals.append((float(fields[1]), float(fields[2]), fields[3].replace('""', '"')))
    return intervals


def check_tier(intervals: list[Interval], duration: float) -> None:
    assert intervals[0][0] == 0
    assert intervals[-1][1] == duration
    assert all(left[1] == right[0] for left, right in pairwise(intervals))
    assert all(start < end for start, end, _ in intervals)


# --- what is common to all --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_ends_its_last_line(name: str) -> None:
    assert rendered(name, TRANSCRIPT).endswith("\n")
    assert rendered(name, TWO_CHANNELS).endswith("\n")


@pytest.mark.parametrize("name", FORMATS)
def test_from_python_a_transcript_is_rendered_by_its_source(name: str) -> None:
    assert render(TRANSCRIPT, name) == FORMATS[name].render(Document("my talk\t2", (TRANSCRIPT,)))


def test_a_format_that_is_none() -> None:
    with pytest.raises(OutputError, match="the format 'srr' is not one of txt, json, srt"):
        render(TRANSCRIPT, "srr")


def test_where_nothing_was_said(tmp_path: Path) -> None:
    of = {name: rendered(name, NOTHING) for name in FORMATS}
    record = json.loads(of.pop("json"))
    assert (record["text"], record["segments"], record["channels"]) == ("", [], [1])
    assert read_textgrid(of.pop("textgrid"), tmp_path) == [[(0.0, 2.0, "")]]
    header = "source\tchannel\tstart\tend\ttext\n"
    assert of == {"txt": "\n", "srt": "", "vtt": "WEBVTT\n", "tsv": header, "ctm": "", "stm": ""}


def test_formats_that_can_be_joined_are_read_as_one_file() -> None:
    assert {name for name, form in FORMATS.items() if form.joins} == {"txt", "json", "tsv", "ctm", "stm"}
    table = FORMATS["tsv"]
    joined = table.header + table.body(Document.of(TRANSCRIPT)) + table.body(TWO_CHANNELS)
    rows = list(csv.DictReader(joined.splitlines(keepends=True), delimiter="\t"))
    assert [row["text"] for row in rows] == ['SAY "HI" ÜBEN', "SAY", "YES", "ÜBEN"]


# --- text and tables --------------------------------------------------------------------------------------------------


def test_text_has_a_line_a_segment() -> None:
    assert rendered("txt", TRANSCRIPT) == 'SAY "HI" ÜBEN\n'
    assert rendered("txt", Transcript((Segment(WORDS[:2]), Segment(WORDS[2:])), 1.5, 0.0)) == 'SAY "HI"\nÜBEN\n'
    assert rendered("txt", TWO_CHANNELS) == "[1] SAY\n[2] YES\n[1] ÜBEN\n"


def test_a_table_is_read_by_the_reader_of_the_standard_library() -> None:
    text = rendered("tsv", said(*WORDS, source='a\t"b"\n\udcff.wav', channel=2))
    (row,) = csv.DictReader(text.splitlines(keepends=True), delimiter="\t")
    assert row == {
        "source": 'a\t"b"\n\\xff.wav',
        "channel": "2",
        "start": "0.100",
        "end": "1.500",
        "text": 'SAY "HI" ÜBEN',
    }


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_has_all_that_there_is_in_one_line_with_milliseconds() -> None:
    line = rendered("json", said(*WORDS, channel=2))
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "version": 2,
        "id": "my talk\t2",
        "source": "talks/my talk\t2.mp3",
        "duration": 1.5,
        "channels": [2],
        "text": 'SAY "HI" ÜBEN',
        "score": -2.0,
        "segments": [
            {
                "channel": 2,
                "start": 0.1,
                "end": 1.5,
                "text": 'SAY "HI" ÜBEN',
                "words": [
                    {"text": "SAY", "start": 0.1, "end": 0.35, "confidence": 0.93},
                    {"text": '"HI"', "start": 0.35, "end": 0.6, "confidence": 1.0},
                    {"text": "ÜBEN", "start": 0.9, "end": 1.5, "confidence": 0.25},
                ],
            }
        ],
    }


def test_json_has_the_segments_of_all_channels_by_their_start() -> None:
    record = json.loads(rendered("json", TWO_CHANNELS))
    assert [(segment["channel"], segment["text"]) for segment in record["segments"]] == [
        (1, "SAY"),
        (2, "YES"),
        (1, "ÜBEN"),
    ]
    assert (record["channels"], record["text"], record["score"]) == ([1, 2], "SAY YES ÜBEN", -3.0)


def test_json_is_strict_and_its_numbers_short() -> None:
    """NaN is no JSON; what was float32 would be written with 15 digits, and a small number with an exponent."""
    word = Word("A", float(np.float32(0.1)), float(np.float32(1e-5 + 0.7)), float("nan"))
    line = rendered("json", Transcript((Segment((word,)),), float(np.float32(2.3)), -float("inf"), "a.wav"))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    record = json.loads(line, parse_constant=refuse)
    assert (record["score"], record["duration"]) == (None, 2.3)
    assert record["segments"][0]["words"] == [{"text": "A", "start": 0.1, "end": 0.7, "confidence": None}]
    assert re.search(r"\d[eE]-?\d|\d\.\d{4}", line) is None
    small = rendered("json", said(Word("A", 1e-5, 0.0004, 1e-5)))
    assert '"start": 0.0, "end": 0.0, "confidence": 0.0' in small


def test_a_name_that_is_not_utf_8_is_escaped_in_json() -> None:
    line = rendered("json", said(*WORDS, source="a\udcff.wav"))
    assert line.encode()  # can be written
    assert json.loads(line)["source"] == "a\udcff.wav"


# --- NIST -------------------------------------------------------------------------------------------------------------


def test_ctm_has_a_line_a_word() -> None:
    assert rendered("ctm", TRANSCRIPT).splitlines() == [
        "my%20talk%092 1 0.100 0.250 SAY 0.930",
        'my%20talk%092 1 0.350 0.250 "HI" 1.000',
        "my%20talk%092 1 0.900 0.600 ÜBEN 0.250",
    ]
    assert rendered("ctm", said(*WORDS, source="", channel=2)).startswith("audio 2 0.100 ")
    assert rendered("ctm", said(Word("A", 0.0, 1.0, float("nan")), source="a")) == "a 1 0.000 1.000 A\n"


def test_the_times_of_ctm_are_rounded_so_that_words_that_meet_still_do() -> None:
    words = [Word("A", 0.0004 + 0.0106 * i, 0.0004 + 0.0106 * (i + 1), 1.0) for i in range(20)]
    rows = columns("ctm", said(*words, source="x"))
    for left, right in pairwise(rows):
        assert float(left[2]) + float(left[3]) == pytest.approx(float(right[2]), abs=1e-9)


def test_stm_has_a_line_a_segment_with_start_and_end() -> None:
    assert rendered("stm", TWO_CHANNELS).splitlines() == [
        "talk 1 talk-1 0.100 0.350 SAY",
        "talk 1 talk-1 0.900 1.500 ÜBEN",
        "talk 2 talk-2 0.400 0.700 YES",
    ]
    # Without a label the first word would be taken for one.
    assert rendered("stm", said(Word("<unk>", 0.0, 1.0, 1.0), source="a")) == "a 1 a-1 0.000 1.000 <o> <unk>\n"


def test_ctm_and_stm_name_files_and_channels_alike_and_sort_them() -> None:
    ctm, stm = columns("ctm", TWO_CHANNELS), columns("stm", TWO_CHANNELS)
    assert {tuple(row[:2]) for row in ctm} == {tuple(row[:2]) for row in stm} == {("talk", "1"), ("talk", "2")}
    for rows, start in ((ctm, 2), (stm, 3)):
        keys = [(row[0], row[1], float(row[start])) for row in rows]
        assert keys == sorted(keys)


@pytest.mark.parametrize("id", ["a b", "a%20b", "a\u00a0b", "a\nb", ";;a", "a\udcffb", "a\tb", "a_b"])
def test_different_ids_stay_different_without_white_space(id: str) -> None:
    (row,) = columns("ctm", Document(id, (said(WORDS[0]),)))
    assert len(row) == 6
    assert not row[0].startswith(";")
    assert (row[0] == id) == (id == "a_b")
    from urllib.parse import unquote

    assert unquote(row[0], errors="surrogateescape") == id


# --- TextGrid ---------------------------------------------------------------------------------------------------------


def test_textgrid_has_the_words_and_the_gaps_between_them(tmp_path: Path) -> None:
    (intervals,) = read_textgrid(rendered("textgrid", TRANSCRIPT), tmp_path)
    check_tier(intervals, 1.5)
    assert intervals == [
        (0.0, 0.1, ""),
        (0.1, 0.35, "SAY"),
        (0.35, 0.6004, '"HI"'),
        (0.6004, 0.9, ""),
        (0.9, 1.5, "ÜBEN"),
    ]
    assert 'text = """HI"""' in rendered("textgrid", TRANSCRIPT)


def test_textgrid_has_a_tier_a_channel(tmp_path: Path) -> None:
    tiers = read_textgrid(rendered("textgrid", TWO_CHANNELS), tmp_path)
    assert [[text for *_, text in tier if text] for tier in tiers] == [["SAY", "ÜBEN"], ["YES"]]
    for tier in tiers:
        check_tier(tier, 1.5)


def test_a_word_without_length_shares_the_interval_of_its_neighbour(tmp_path: Path) -> None:
    words = [
        Word(text, start / 10, end / 10, 1.0)
        for text, start, end in [("A", 0, 0), ("B", 0, 4), ("C", 4, 4), ("D", 4, 10), ("E", 10, 10)]
    ]
    (intervals,) = read_textgrid(rendered("textgrid", said(*words, duration=1.0)), tmp_path)
    check_tier(intervals, 1.0)
    assert [text for _, _, text in intervals] == ["A B", "C D E"]


def test_the_times_of_a_textgrid_have_no_exponent_and_no_gap(tmp_path: Path) -> None:
    words = (Word("A", 1e-5, 0.3, 1.0), Word("B", 0.29, 0.5, 1.0), Word("C", 0.5, 1.1, 1.0))
    (intervals,) = read_textgrid(rendered("textgrid", said(*words, duration=1.0)), tmp_path)
    check_tier(intervals, 1.0)
    assert intervals == [(0, 1e-5, ""), (1e-5, 0.3, "A"), (0.3, 0.5, "B"), (0.5, 1.0, "C")]
