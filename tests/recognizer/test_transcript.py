"""The record of a transcript: its text and words are those of its segments."""

from asr.transcript import LONG_PAUSE, Segment, Transcript, Word, segments_of

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


def test_segments_end_at_long_pauses_between_words() -> None:
    words = [Word(text, start, start + 0.4, 1.0) for text, start in [("A", 1.0), ("B", 1.5), ("C", 3.0), ("D", 3.5)]]
    short, long, at_ends = (1.41, 1.49), (2.0, 2.01 + LONG_PAUSE), [(0.0, 0.9), (4.0, 9.0)]
    assert segments_of(words, [short, long, *at_ends]) == (Segment(tuple(words[:2])), Segment(tuple(words[2:])))
    assert segments_of(words, [short, (2.0, 1.99 + LONG_PAUSE)]) == (Segment(tuple(words)),)
    assert segments_of([], at_ends) == ()
