"""Formats for people have words as they are printed, formats for programs as they were recognised."""

import json

import pytest

from asr.formats import FORMATS
from asr.formats.document import Document
from asr.transcript import Segment, Transcript, Word

WORDS = (
    Word("ABOUT", 0.0, 0.4, 0.9, "About"),
    Word("TWENTY", 0.5, 0.8, 0.8, "23"),
    Word("THREE", 0.9, 1.2, 0.6, ""),
    Word("MEN", 1.3, 1.9, 0.9, "men?"),
)
TAGGED = Document("talk", (Transcript((Segment(WORDS),), 2.0, -3.0, "talk.wav"),))
PLAIN = Document(
    "talk",
    (Transcript((Segment(tuple(Word(w.text, w.start, w.end, w.confidence) for w in WORDS)),), 2.0, -3.0, "talk.wav"),),
)


@pytest.mark.parametrize("name", ["txt", "srt", "vtt", "tsv"])
def test_people_read_printed_words(name: str) -> None:
    body = FORMATS[name].body(TAGGED)
    assert "About 23 men?" in body
    assert "TWENTY" not in body
    assert "ABOUT TWENTY THREE MEN" in FORMATS[name].body(PLAIN)


@pytest.mark.parametrize("name", ["ctm", "stm", "textgrid"])
def test_programs_read_what_was_recognised(name: str) -> None:
    assert FORMATS[name].body(TAGGED) == FORMATS[name].body(PLAIN)
    assert "TWENTY" in FORMATS[name].body(TAGGED)


def test_json_has_both_forms() -> None:
    record = json.loads(FORMATS["json"].body(TAGGED))
    assert (record["text"], record["written"]) == ("ABOUT TWENTY THREE MEN", "About 23 men?")
    (segment,) = record["segments"]
    assert segment["text"] == "ABOUT TWENTY THREE MEN"
    assert [(word["text"], word["written"]) for word in segment["words"]] == [
        ("ABOUT", "About"), ("TWENTY", "23"), ("THREE", ""), ("MEN", "men?"),
    ]  # fmt: skip


def test_json_of_a_model_without_tagger_has_one_form() -> None:
    assert "written" not in FORMATS["json"].body(PLAIN)


def test_a_number_of_two_words_lasts_as_long_as_both() -> None:
    number = TAGGED.printed.channels[0].words[1]
    assert (number.text, number.start, number.end, number.confidence) == ("23", 0.5, 1.2, 0.6)
