"""Words with times and the segments they belong to; against NIST's sclite, where it is installed."""

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from asr.errors import ScoringError
from asr.scoring import Matching, Notation, Score, pair, score
from asr.scoring.inputs.contents import Segment, TimedWord
from asr.scoring.inputs.segments import words_of_segments
from asr.scoring.matching import ALL_NOTATION
from tests.support.command_line import written

DATA = Path(__file__).parents[2] / "data/score"
DEBIAN = Path("/usr/lib/sctk/bin/sclite")
TOOL = shutil.which("sclite") or (str(DEBIAN) if DEBIAN.exists() else None)


def scored(references: Path, hypotheses: Path, notation: Notation = ALL_NOTATION, alignment: str = "minimal") -> Score:
    texts = pair(references, hypotheses, notation=notation)
    return score(texts.references, texts.hypotheses, ids=texts.ids, facts=texts.facts, alignment=alignment)


def counts(result: Score) -> tuple[int, int, int, int]:
    return result.correct, result.substitutions, result.deletions, result.insertions


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Words in small letters, to which sclite folds them by itself."""
    return written(tmp_path / "talk.ctm", (DATA / "talk.ctm").read_text().lower())


@pytest.mark.parametrize("alignment", ["minimal", "sclite"])
@pytest.mark.parametrize(
    ("notation", "expected"),
    [
        (Notation(), (16, 2, 1, 4)),
        (Notation(optional_words=False), (15, 2, 2, 4)),
        (Notation(fragments=True), (17, 1, 1, 4)),
    ],
)
def test_two_recordings_count_as_in_sclite(
    talk: Path, notation: Notation, expected: tuple[int, ...], alignment: str
) -> None:
    result = scored(DATA / "talk.stm", talk, notation, alignment)
    assert counts(result) == expected
    assert (result.num_words, result.num_utterances, result.num_wrong_utterances) == (19, 5, 5)


def test_speakers_count_as_in_sclite(talk: Path) -> None:
    found: dict[str, list[int]] = {}
    for utterance in scored(DATA / "talk.stm", talk).utterances:
        sums = found.setdefault(str(dict(utterance.facts)["speaker"]), [0, 0])
        sums[0] += utterance.num_words
        sums[1] += utterance.errors
    assert found == {"s1": [9, 4], "s2": [5, 1], "s3": [5, 2]}


def test_words_outside_and_in_ignored_segments_are_counted_and_said(talk: Path) -> None:
    notes = pair(DATA / "talk.stm", talk).notes
    assert f"{talk}: 2 words lie outside of all segments, and count to the next one" in notes
    assert f"{talk}: 1 words lie in ignored segments, and do not count" in notes


def segments(*times: tuple[float, float]) -> list[Segment]:
    return [Segment("r", "1", "s", start, end, "", "", False, 1, 0) for start, end in times]


def test_a_word_belongs_to_the_first_segment_that_ends_after_its_middle() -> None:
    starts = [0.0, 0.9, 1.2, 1.4, 2.9, 4.0, 4.1, 9.0]  # of words of 0.4 s: the middle is 0.2 s later
    words = [TimedWord("r", "1", start, 0.4, str(start), 1) for start in starts]
    found, num_outside = words_of_segments(segments((1.0, 1.6), (2.0, 3.1), (3.5, 4.2)), words)
    assert [[word.word for word in group] for group in found] == [
        ["0.0", "0.9", "1.2"],
        ["1.4"],
        ["2.9", "4.0", "4.1", "9.0"],
    ]
    assert num_outside == 6  # all but 0.9 and 1.2


@pytest.mark.parametrize("ignored", ["IGNORE_TIME_SEGMENT_IN_SCORING", "Ignore_Time_Segment_In_Scoring"])
def test_ignored_segments_drop_the_words_of_the_gap_before_them_and_after_the_last(
    tmp_path: Path, ignored: str
) -> None:
    stm = written(tmp_path / "r.stm", "f 1 s 0.0 1.0 a b", f"f 1 s 2.0 3.0 {ignored}")
    ctm = written(
        tmp_path / "h.ctm",
        *(f"f 1 {start} 0.2 {word}" for start, word in [(0.1, "a"), (0.5, "b"), (1.5, "x"), (2.5, "y"), (7.0, "z")]),
    )
    result = scored(stm, ctm)
    assert (counts(result), result.num_utterances) == ((2, 0, 0, 0), 1)


def test_labels_are_declared_or_have_a_comma(tmp_path: Path) -> None:
    stm = written(
        tmp_path / "r.stm",
        ';; LABEL "f0" "Clean" ""',
        *("f 1 s 0 2 <unk> hello", "f 1 s 2 4 <f0> a", "f 1 s 4 6 <o,f9> b", "f 1 s 6.5 8.5 <O> c", "f 1 s 9 10"),
    )
    texts = pair(stm, written(tmp_path / "h.ctm", "f 1 0.0 0.5 <unk>"))
    assert [reference.text for reference in texts.references] == ["<unk> hello", "a", "b", "c", ""]
    assert "taken for words, as no line ';; LABEL' declares them as labels: line 2: <unk>" in texts.notes[1]
    assert [facts.get("label") for facts in texts.facts] == [None, "f0", "o,f9", "O", None]


def test_alternatives_are_refused_by_line_and_column(tmp_path: Path) -> None:
    stm = written(tmp_path / "r.stm", "f 1 s 0 2 <o,m> a { b", "f 1 s 2 4 c")
    with pytest.raises(ScoringError, match=re.escape("r.stm, line 1, column 19: alternatives without a }")):
        pair(stm, written(tmp_path / "h.ctm", "f 1 0.0 0.5 a"))


def test_tabs_comments_blank_lines_and_unknown_confidences_are_read(tmp_path: Path) -> None:
    stm = written(tmp_path / "r.stm", ";; one", "", "a\t1\ts\t0.00\t2.00\t<o,m>\tx\ty", "  ;; two")
    ctm = written(tmp_path / "h.ctm", "a\t1\t0.10\t0.20\tx\tNA", "", ";; three", "a 1 0.50 0.20 y")
    assert counts(scored(stm, ctm)) == (2, 0, 0, 0)


def test_odd_words_are_words(tmp_path: Path) -> None:
    stm = written(tmp_path / "r.stm", "f 1 s 0.0 9.0 hello* hello;x M^{ME} the cat")
    words = ["hello*", "hello;x", "M^{ME}", "the", "{", "cat", "/", "bat", "}"]
    ctm = written(tmp_path / "h.ctm", *(f"f 1 {place}.0 0.5 {word}" for place, word in enumerate(words)))
    assert counts(scored(stm, ctm)) == (5, 0, 0, 4)


def test_order_changes_nothing_and_is_said(tmp_path: Path, talk: Path) -> None:
    for name, path in (("r.stm", DATA / "talk.stm"), ("h.ctm", talk)):
        lines = path.read_text().splitlines()
        comments = [line for line in lines if line.startswith(";;")]
        written(tmp_path / name, *comments, *reversed([line for line in lines if line and line not in comments]))
    result = scored(tmp_path / "r.stm", tmp_path / "h.ctm")
    assert counts(result) == (16, 2, 1, 4)
    notes = pair(tmp_path / "r.stm", tmp_path / "h.ctm").notes
    assert sum("sorted by recording, channel and start" in note for note in notes) == 2


def test_missing_and_extra_recordings_are_refused_or_said(tmp_path: Path) -> None:
    stm = written(tmp_path / "r.stm", "a 1 s 0.0 1.0 x", "b 1 s 0.0 1.0 y", "b 2 s 0.0 1.0 z")
    ctm = written(tmp_path / "h.ctm", "a 1 0.1 0.2 x", "b 1 0.1 0.2 y", "c 1 0.1 0.2 w")
    with pytest.raises(ScoringError) as refused:
        pair(stm, ctm)
    assert "1 of 3 ids of the references are missing: b-2-s-0.000-1.000; 1 ids are not among" in str(refused.value)
    assert "references: c-1. Give them, or choose with --missing: deleted or left-out, --extra: left-out" in str(
        refused.value
    )
    texts = pair(stm, ctm, matching=Matching(missing="deleted", extra="left-out"))
    assert texts.hypotheses == ("x", "y", "")
    assert len(pair(stm, ctm, matching=Matching(missing="left-out", extra="left-out")).ids) == 2


def test_times_are_those_within_the_segment(tmp_path: Path) -> None:
    stm = written(tmp_path / "r.stm", "a 1 s 0.0 1.0 x", "a 1 s 1.0 2.0 y")
    ctm = written(tmp_path / "h.ctm", "a 1 0.25 0.5 x", "a 1 1.25 0.5 y")
    texts = pair(stm, ctm)
    assert texts.times == ([(0.25, 0.75)], [(0.25, 0.75)])
    assert texts.facts[1]["duration"] == 1.0


def test_without_times_on_the_other_side_recordings_are_matched(tmp_path: Path) -> None:
    stm = written(tmp_path / "r.stm", "a 1 s 0.0 1.0 { x / w } y", "a 1 s 1.0 2.0 z", "b 1 s 0.5 1.0 u")
    hypotheses = written(tmp_path / "h.jsonl", {"id": "a", "text": "w y z"}, {"id": "b", "text": "u"})
    texts = pair(stm, hypotheses)
    assert texts.ids == ("a", "b")
    assert score(texts.references, texts.hypotheses).errors == 0
    assert any("a text is that of a whole recording" in note for note in texts.notes)
    other = written(tmp_path / "h.stm", "a 1 s 0.0 2.0 w y z", "b 1 s 0.0 1.0 u")
    assert pair(stm, other).ids == ("a-1", "b-1")
    assert score(pair(stm, other).references, pair(stm, other).hypotheses).errors == 0
    second = written(tmp_path / "two.stm", "a 1 s 0.0 1.0 x", "a 2 s 0.5 1.0 y")
    with pytest.raises(ScoringError, match="references are missing: a-1, a-2"):
        pair(second, hypotheses)


def test_two_ctms_are_aligned_by_words() -> None:
    result = scored(DATA / "time-ref.ctm", DATA / "time-hyp.ctm", alignment="sclite")
    assert (result.correct, result.errors, result.num_words) == (7, 4, 10)


@pytest.mark.skipif(TOOL is None, reason="NIST's sclite is not installed (Debian package sctk)")
def test_sclite_itself_puts_words_into_the_same_segments(tmp_path: Path) -> None:
    rng = random.Random(6)
    stm, ctm = [], []
    for recording in range(40):
        start, lines = 0.0, []
        for number in range(rng.randint(2, 6)):
            start += rng.choice([0.0, 0.5, 1.25])
            end = start + rng.choice([0.5, 1.0, 2.25])
            text = (
                "IGNORE_TIME_SEGMENT_IN_SCORING"
                if number and rng.random() < 0.2
                else " ".join(rng.choices("abc", k=rng.randint(1, 4)))
            )
            lines.append(f"r{recording:02} 1 s{recording:02} {start:.2f} {end:.2f} {text}")
            start = end
        stm += lines
        starts = sorted(rng.randrange(0, int(100 * start) + 200, 25) / 100 for _ in range(rng.randint(1, 15)))
        ctm += [f"r{recording:02} 1 {time:.2f} 0.50 {rng.choice('abc')}" for time in starts]
    references, hypotheses = written(tmp_path / "r.stm", *stm), written(tmp_path / "h.ctm", *ctm)
    command = f"{TOOL} -r r.stm stm -h h.ctm ctm -D -o rsum stdout".split()
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    theirs = re.search(r"\| Sum +\| +(\d+) +(\d+) *\| +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)", out)
    result = scored(references, hypotheses, alignment="sclite")
    ours = (result.num_utterances, result.num_words, *counts(result), result.errors, result.num_wrong_utterances)
    assert theirs is not None, out
    assert list(map(int, theirs.groups())) == list(ours)
