"""Subtitles by three readers, a strict pattern and two libraries that forgive, pysubs2 and webvtt-py; and the rules."""

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest
import webvtt
from hypothesis import example, given
from hypothesis import strategies as st

from asr.formats import FORMATS
from asr.formats.document import Document
from asr.formats.pieces import width
from asr.formats.subtitles import Cue, clock, cues_of
from asr.transcript import Segment, Transcript, Word

SPEECH = (
    "so the first thing that we did was to look at the old machine and we found out that nobody had ever opened it "
    "because the key was lost but we went on and asked the people of the village who told us a story"
)


def spoken(text: str, *, start: float = 0.3, pauses: dict[int, float] | None = None) -> Iterator[Word]:
    """Words at an even pace; `pauses` in seconds before the words with these numbers."""
    time = start
    for number, word in enumerate(text.split()):
        time += (pauses or {}).get(number, 0.0)
        length = 0.05 + 0.07 * len(word)
        yield Word(word, time, time + length, 0.9)
        time += length


def document(*words: Word, duration: float | None = None) -> Document:
    end = words[-1].end + 2 if duration is None else duration
    return Document("a", (Transcript((Segment(words),), end, 0.0, "a.wav"),))


def cues(*words: Word, duration: float | None = None) -> list[Cue]:
    return cues_of(document(*words, duration=duration))


def text_of(found: list[Cue]) -> str:
    """All letters."""
    return "".join("".join(cue.lines) for cue in found).replace(" ", "")


# --- readers ----------------------------------------------------------------------------------------------------------

TIME = {",": r"(\d{2,}):([0-5]\d):([0-5]\d),(\d{3})", ".": r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"}


def read_strictly(text: str, point: str) -> list[tuple[int, int, str]]:
    """Start and end in milliseconds, and the text, of each cue; each line of the file has to be as it should."""
    found = []
    for number, block in enumerate(text.removesuffix("\n").split("\n\n") if text else [], start=1):
        head = rf"{number}\n" if point == "," else ""
        match = re.fullmatch(rf"{head}{TIME[point]} --> {TIME[point]}\n((?:.+\n?){{1,4}})", block)
        assert match, block
        numbers = [int(group) for group in match.groups()[:8]]
        start, end = (
            (numbers[i] * 3600 + numbers[i + 1] * 60 + numbers[i + 2]) * 1000 + numbers[i + 3] for i in (0, 4)
        )
        assert "-->" not in match[9]
        found.append((start, end, match[9]))
    return found


def read_srt(whole: Document) -> list[tuple[int, int, str]]:
    """What all readers see."""
    text = FORMATS["srt"].render(whole)
    strictly = read_strictly(text, ",")
    if strictly and strictly[-1][1] < 360_000_000:  # pysubs2 reads two digits of hours
        forgiving = pysubs2.SSAFile.from_string(text, format_="srt", keep_unknown_html_tags=True)
        assert [(e.start, e.end, e.text.replace("\\N", "\n")) for e in forgiving] == strictly
    return strictly


def read_vtt(whole: Document, tmp_path: Path) -> list[tuple[int, int, str]]:
    text = FORMATS["vtt"].render(whole)
    assert text.startswith("WEBVTT\n")
    strictly = read_strictly(text.removeprefix("WEBVTT\n").removeprefix("\n"), ".")
    assert re.search("<|>|&(?!(amp|lt|gt);)", "".join(content for *_, content in strictly)) is None
    path = tmp_path / "a.vtt"
    path.write_text(text, encoding="utf-8")
    forgiving = [(c.start_in_seconds, c.end_in_seconds, c.raw_text) for c in webvtt.read(str(path)).captions]
    assert [(start, end) for start, end, _ in forgiving] == [(s // 1000, e // 1000) for s, e, _ in strictly]
    assert [content for *_, content in forgiving] == [content for *_, content in strictly]
    return [(start, end, html.unescape(content)) for start, end, content in strictly]


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.9995, "00:00:01,000"),
        (59.9996, "00:01:00,000"),
        (3599.9999, "01:00:00,000"),
        (118_444.12, "32:54:04,120"),
        (360_000.0, "100:00:00,000"),
    ],
)
def test_times_are_rounded_once_and_then_split(seconds: float, shown: str, tmp_path: Path) -> None:
    whole = document(Word("A", seconds, seconds + 1, 1.0), duration=seconds + 5)
    assert FORMATS["srt"].render(whole).splitlines()[1].startswith(f"{shown} --> ")
    assert FORMATS["vtt"].render(whole).splitlines()[2].startswith(f"{shown.replace(',', '.')} --> ")
    assert read_srt(whole) == read_vtt(whole, tmp_path)


def test_both_forms_hold_the_cues(tmp_path: Path) -> None:
    whole = document(*spoken(SPEECH, pauses={20: 2.5}))
    expected = [(cue.start, cue.end, "\n".join(cue.lines)) for cue in cues_of(whole)]
    assert len(expected) >= 4
    assert read_srt(whole) == read_vtt(whole, tmp_path) == expected


def test_signs_that_mean_something_to_the_form(tmp_path: Path) -> None:
    texts = ["A-->B", "-->", "<unk>", "R&D", "NEW\n\nLINE", "&lt;"]
    whole = document(*(Word(text, float(i), i + 0.9, 1.0) for i, text in enumerate(texts)))
    vtt = FORMATS["vtt"].render(whole)
    assert all(part in vtt for part in ("A--&gt;B", "&lt;unk&gt;", "R&amp;D", "&amp;lt;"))
    for read in (read_srt(whole), read_vtt(whole, tmp_path)):
        letters = " ".join(" ".join(content.split()) for *_, content in read)
        assert letters.replace("→", "-->") == "A-->B --> <unk> R&D NEW LINE &lt;"


def test_a_channel_is_named_and_its_cues_never_overlap_those_of_the_other(tmp_path: Path) -> None:
    def channel(number: int, *words: Word) -> Transcript:
        return Transcript((Segment(words),), 30.0, 0.0, "a.wav", number)

    one = channel(1, Word("YES", 1.0, 5.0, 1.0), Word("SURE", 20.0, 21.0, 1.0))
    two = channel(2, Word("NO", 3.0, 4.0, 1.0), Word("WELL", 20.2, 22.0, 1.0))
    whole = Document("a", (one, two))
    assert read_srt(whole) == [
        (1000, 3000, "[1] YES"),
        (3000, 4000, "[2] NO"),
        (20_000, 22_000, "[1] SURE\n[2] WELL"),
    ]
    assert read_vtt(whole, tmp_path) == read_srt(whole)
    assert all(max(map(width, cue.lines)) <= 42 for cue in cues_of(Document("a", (channel(2, *spoken(SPEECH)), one))))


# --- the rules --------------------------------------------------------------------------------------------------------


def check_rules(found: list[Cue], duration: float) -> None:
    for cue in found:
        assert 1 <= len(cue.lines) <= 2
        assert all(line.strip() == line and 1 <= width(line) <= 42 for line in cue.lines)
        assert cue.start < cue.end <= cue.start + 7000
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert not found or found[-1].end <= 1000 * duration


def test_speech_is_cut_into_balanced_lines_at_conjunctions_and_can_be_read() -> None:
    found = cues(*spoken(SPEECH))
    check_rules(found, 100)
    assert " ".join(" ".join(cue.lines) for cue in found) == SPEECH
    for cue in found:
        seconds = (cue.end - cue.start) / 1000
        assert seconds >= 1
        assert len("\n".join(cue.lines)) / seconds <= 17
        assert len(" ".join(cue.lines).split()) >= 2
        if len(cue.lines) == 2:
            assert abs(len(cue.lines[0]) - len(cue.lines[1])) <= 14
    beginnings = [cue.lines[0].split()[0] for cue in found]
    assert {"because", "and", "who", "but", "that"} & set(beginnings)
    assert not any(cue.lines[-1].split()[-1] in ("and", "because", "but") for cue in found)


def test_cues_are_cut_at_pauses_and_sentences() -> None:
    words = list(spoken("one two three four five six seven eight nine ten", pauses={6: 0.5}))
    assert [" ".join(cue.lines) for cue in cues(*words)] == ["one two three four five six", "seven eight nine ten"]
    words = list(spoken("one two three four. five six seven eight nine ten eleven twelve thirteen fourteen fifteen."))
    assert " ".join(cues(*words)[0].lines) == "one two three four."


def test_the_screen_is_empty_in_a_long_pause() -> None:
    words = list(spoken("before the music after the music", pauses={3: 30.0}))
    before, after = cues(*words)
    assert (before.lines, after.lines) == (("before the music",), ("after the music",))
    assert before.end == max(round(1000 * words[2].end), before.start + 1000)
    assert after.start == round(1000 * words[3].start)


def test_a_second_is_a_wish_and_overlap_is_forbidden() -> None:
    """YES from 10.0 to 10.2 s; the next cue begins at 11.2 s, so that YES is shown for a second, or until the end."""
    said = Word("YES", 10.0, 10.2, 1.0), Word("INDEED", 11.2, 11.3, 1.0)
    assert [(cue.start, cue.end) for cue in cues(*said, duration=11.4)] == [(10_000, 11_000), (11_200, 11_400)]
    two = cues(Word("YES", 10.0, 10.2, 1.0), Word("INDEED.", 10.5, 12.0, 1.0))
    assert [(cue.start, cue.lines) for cue in two] == [(10_000, ("YES INDEED.",))]
    labelled = Document(
        "a", tuple(Transcript((Segment((w,)),), 20.0, 0.0, "a", n) for n, w in enumerate(said, start=1))
    )
    assert [(cue.start, cue.end) for cue in cues_of(labelled)] == [(10_000, 11_000), (11_200, 12_200)]


def test_where_the_next_word_comes_too_soon_a_cue_ends_with_it() -> None:
    """Eighty letters that are said in 2 s would need 4.7 s to be read; the next cue starts at its first word."""
    fast = [Word("ABCDEFG", 0.2 * i, 0.2 * i + 0.2, 1.0) for i in range(40)]
    found = cues(*fast)
    check_rules(found, 100)
    assert all(before.end == after.start for before, after in pairwise(found))
    assert {cue.start for cue in found} <= {round(1000 * word.start) for word in fast}


def test_a_word_is_not_left_alone() -> None:
    """Eight words of eight letters fill a cue; a ninth, after a pause, would be alone in the next one."""
    for count in range(9, 40):
        found = cues(*spoken("abcdefgh " * count, pauses={count - 1: 0.4}))
        check_rules(found, 100)
        assert min(len(" ".join(cue.lines).split()) for cue in found) >= 2


@pytest.mark.parametrize("word", ["A" * 60, "A" * 300, "好" * 90, "é" * 50, "-" * 43, "好A" * 43])
def test_long_words_and_scripts_without_spaces_lose_no_letter(word: str) -> None:
    for around in ("", "AND THEN "):
        words = [*spoken(around), Word(word, 5.0, 25.0, 1.0), Word("END", 25.0, 25.2, 1.0)]
        found = cues(*words, duration=25.3)
        check_rules(found, 25.3)
        assert text_of(found) == (around + word + "END").replace(" ", "")
        starts = [cue.start for cue in found if word[0] in cue.lines[0]]
        assert starts == sorted(set(starts))


def test_times_come_from_words_and_rise() -> None:
    """Words that begin together, that last no time, or that lie at the very end of the sound."""
    words = [Word("A" * 30, 1.0, 1.0, 1.0) for _ in range(6)] + [Word("B", 2.0, 2.0, 1.0)]
    found = cues(*words, duration=2.0)
    check_rules(found, 2.0)
    assert text_of(found) == "A" * 180 + "B"


_words = st.lists(
    st.tuples(st.text("ab好é.-", min_size=1, max_size=50), st.floats(0, 3), st.floats(0, 4)), min_size=1, max_size=30
)


@given(_words)
@example([("a" * 50, 0.0, 0.0)] * 30)
def test_the_rules_hold_for_whatever_is_said(said: list[tuple[str, float, float]]) -> None:
    words, time = [], 0.0
    for text, pause, length in said:
        time += pause
        words.append(Word(text, time, time + length, 0.5))
        time += length
    duration = time + 0.5
    found = cues(*words, duration=duration)
    check_rules(found, duration)
    assert text_of(found) == "".join(text for text, *_ in said)
    read_srt(document(*words, duration=duration))


def test_hours_go_on() -> None:
    assert clock(0, ".") == "00:00:00.000"
    assert clock(3_599_999, ",") == "00:59:59,999"
