"""Each format, read back by a small reader of it written for the tests."""

import json
import re
from itertools import pairwise

import pytest

from asr.formats import FORMATS
from asr.transcript import Segment, Transcript, Word

WORDS = (Word("SAY", 0.1, 0.35, 0.93), Word('"HI"', 0.35, 0.6004, 1.0), Word("ÜBEN", 0.9, 1.5, 0.25))
NOTHING = Transcript((), 2.0, 0.0, source="none.wav")


def said(*words: Word, duration: float = 1.5, source: str = "talks/my talk\t2.mp3", channel: int = 1) -> Transcript:
    return Transcript((Segment(words),), duration, -2.0, source, channel)


TRANSCRIPT = said(*WORDS)

Interval = tuple[float, float, str]


def read_textgrid(text: str) -> list[Interval]:
    """Start, end and text of each interval of a TextGrid in the long format with one tier; checks its header."""
    head, *blocks = re.split(r"\n {8}intervals \[\d+\]:\n", text)
    assert head.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = ')
    assert "tiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n" in head
    assert '        class = "IntervalTier"\n        name = "words"\n' in head
    assert re.findall(r"intervals: size = (\d+)", head) == [str(len(blocks))]
    assert re.findall(r"intervals \[(\d+)\]", text) == [str(n) for n in range(1, len(blocks) + 1)]
    intervals = []
    for block in blocks:
        fields = re.fullmatch(r' {12}xmin = (\S+)\n {12}xmax = (\S+)\n {12}text = "((?:[^"]|"")*)"\n?', block)
        assert fields is not None
        intervals.append((float(fields[1]), float(fields[2]), fields[3].replace('""', '"')))
    return intervals


def check_tier(intervals: list[Interval], duration: float) -> None:
    assert intervals[0][0] == 0
    assert intervals[-1][1] == duration
    assert all(left[1] == right[0] for left, right in pairwise(intervals))
    assert all(start < end for start, end, _ in intervals)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_ends_its_last_line(name: str) -> None:
    assert FORMATS[name](TRANSCRIPT).endswith("\n")


def test_text_has_a_line_a_segment() -> None:
    render = FORMATS["txt"]
    assert render(TRANSCRIPT) == 'SAY "HI" ÜBEN\n'
    assert render(Transcript((Segment(WORDS[:2]), Segment(WORDS[2:])), 1.5, 0.0)) == 'SAY "HI"\nÜBEN\n'
    assert render(NOTHING) == "\n"


def test_json_has_all_that_there_is_in_one_line_with_milliseconds() -> None:
    line = FORMATS["json"](said(*WORDS, channel=2))
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "version": 1,
        "audio_filepath": "talks/my talk\t2.mp3",
        "channel": 2,
        "duration": 1.5,
        "text": 'SAY "HI" ÜBEN',
        "score": -2.0,
        "segments": [
            {
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
    assert json.loads(FORMATS["json"](NOTHING))["segments"] == []


def test_ctm_has_a_line_a_word() -> None:
    assert FORMATS["ctm"](TRANSCRIPT).splitlines() == [
        "my_talk_2 1 0.100 0.250 SAY 0.930",
        'my_talk_2 1 0.350 0.250 "HI" 1.000',
        "my_talk_2 1 0.900 0.600 ÜBEN 0.250",
    ]
    assert FORMATS["ctm"](said(*WORDS, source="", channel=2)).startswith("audio 2 0.100 ")
    assert FORMATS["ctm"](NOTHING) == ""


def test_the_times_of_ctm_are_rounded_so_that_words_that_meet_still_do() -> None:
    words = [Word("A", 0.0004 + 0.0106 * i, 0.0004 + 0.0106 * (i + 1), 1.0) for i in range(20)]
    rows = [line.split() for line in FORMATS["ctm"](said(*words, source="x")).splitlines()]
    for left, right in pairwise(rows):
        assert float(left[2]) + float(left[3]) == pytest.approx(float(right[2]), abs=1e-9)


def test_textgrid_has_the_words_and_the_gaps_between_them() -> None:
    intervals = read_textgrid(FORMATS["textgrid"](TRANSCRIPT))
    check_tier(intervals, 1.5)
    assert intervals == [
        (0.0, 0.1, ""),
        (0.1, 0.35, "SAY"),
        (0.35, 0.6004, '"HI"'),
        (0.6004, 0.9, ""),
        (0.9, 1.5, "ÜBEN"),
    ]
    assert 'text = """HI"""' in FORMATS["textgrid"](TRANSCRIPT)


def test_textgrid_without_words_and_with_a_word_without_length() -> None:
    assert read_textgrid(FORMATS["textgrid"](NOTHING)) == [(0.0, 2.0, "")]
    words = (Word("A", 0.0, 0.0, 1.0), Word("B", 0.0, 0.4, 1.0), Word("C", 0.4, 0.4, 1.0), Word("D", 0.4, 1.0, 1.0))
    intervals = read_textgrid(FORMATS["textgrid"](said(*words, duration=1.0)))
    check_tier(intervals, 1.0)
    assert [text for _, _, text in intervals] == ["B", "D"]
