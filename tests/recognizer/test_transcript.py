"""The views of a transcript, read back by small readers of these formats written for the tests."""

import re
from itertools import pairwise

import pytest

from asr.transcript import Transcript, Word

WORDS = (Word("SAY", 0.1, 0.35, 0.93), Word('"HI"', 0.35, 0.6004, 1.0), Word("ÜBEN", 0.9, 1.5, 0.25))
TRANSCRIPT = Transcript('SAY "HI" ÜBEN', WORDS, 1.5, -2.0)


def read_textgrid(text):
    """Start, end and text of each interval of a TextGrid in the long format with one tier; checks its header."""
    head, *blocks = re.split(r"\n {8}intervals \[\d+\]:\n", text)
    assert head.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = ')
    assert "tiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n" in head
    assert '        class = "IntervalTier"\n        name = "words"\n' in head
    assert re.search(r"intervals: size = (\d+)", head)[1] == str(len(blocks))
    assert re.findall(r"intervals \[(\d+)\]", text) == [str(n) for n in range(1, len(blocks) + 1)]
    intervals = []
    for block in blocks:
        fields = re.fullmatch(r' {12}xmin = (\S+)\n {12}xmax = (\S+)\n {12}text = "((?:[^"]|"")*)"\n?', block)
        intervals.append((float(fields[1]), float(fields[2]), fields[3].replace('""', '"')))
    return intervals


def check_tier(intervals, duration):
    assert intervals[0][0] == 0
    assert intervals[-1][1] == duration
    assert all(left[1] == right[0] for left, right in pairwise(intervals))
    assert all(start < end for start, end, _ in intervals)


def test_ctm_has_a_line_a_word():
    assert TRANSCRIPT.to_ctm("talk").splitlines() == [
        "talk 1 0.100 0.250 SAY 0.930",
        'talk 1 0.350 0.250 "HI" 1.000',
        "talk 1 0.900 0.600 ÜBEN 0.250",
    ]
    assert TRANSCRIPT.to_ctm(" my talk\t2", channel="A").startswith("my_talk_2 A 0.100 ")
    assert TRANSCRIPT.to_ctm("talk").endswith("\n")
    assert Transcript("", (), 1.0, 0.0).to_ctm("talk") == ""


def test_the_times_of_ctm_are_rounded_so_that_words_that_meet_still_do():
    words = tuple(Word("A", 0.0004 + 0.0106 * i, 0.0004 + 0.0106 * (i + 1), 1.0) for i in range(20))
    rows = [line.split() for line in Transcript("", words, 1.0, 0.0).to_ctm("x").splitlines()]
    for left, right in pairwise(rows):
        assert float(left[2]) + float(left[3]) == pytest.approx(float(right[2]), abs=1e-9)


def test_textgrid_has_the_words_and_the_gaps_between_them():
    intervals = read_textgrid(TRANSCRIPT.to_textgrid())
    check_tier(intervals, 1.5)
    assert intervals == [
        (0.0, 0.1, ""),
        (0.1, 0.35, "SAY"),
        (0.35, 0.6004, '"HI"'),
        (0.6004, 0.9, ""),
        (0.9, 1.5, "ÜBEN"),
    ]
    assert 'text = """HI"""' in TRANSCRIPT.to_textgrid()


def test_textgrid_without_words_and_with_a_word_without_length():
    assert read_textgrid(Transcript("", (), 2.0, 0.0).to_textgrid()) == [(0.0, 2.0, "")]
    words = (Word("A", 0.0, 0.0, 1.0), Word("B", 0.0, 0.4, 1.0), Word("C", 0.4, 0.4, 1.0), Word("D", 0.4, 1.0, 1.0))
    intervals = read_textgrid(Transcript("A B C D", words, 1.0, 0.0).to_textgrid())
    check_tier(intervals, 1.0)
    assert [text for _, _, text in intervals] == ["B", "D"]
