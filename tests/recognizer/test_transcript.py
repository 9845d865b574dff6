"""The record of a transcript: its text and words are those of its segments."""

from asr.transcript import Segment, Transcript, Word

SAY, HI = Word("SAY", 0.1, 0.35, 0.93), Word("HI", 0.9, 1.5, 0.25)


def test_words_and_text_are_those_of_the_segments_in_order() -> None:
    transcript = Transcript((Segment((SAY,)), Segment((HI,))), duration=2.0, score=-1.0)
    assert transcript.words == (SAY, HI)
    assert transcript.text == "SAY HI"
    assert [(segment.start, segment.end, segment.text) for segment in transcript.segments] == [
        (0.1, 0.35, "SAY"),
        (0.9, 1.5, "HI"),
    ]


def test_nothing_said_has_neither_text_nor_words() -> None:
    nothing = Transcript((), duration=2.0, score=0.0)
    assert (nothing.text, nothing.words) == ("", ())
