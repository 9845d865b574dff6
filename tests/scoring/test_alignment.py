"""Alignments and their counts: against values of other tools, sclite itself if it is installed, and plain algebra."""

import csv
import random
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import jiwer
import numpy as np
import pytest

from asr.errors import ScoringError
from asr.scoring import score, score_utterance
from asr.scoring.alignment import COSTS, MINIMAL, SCLITE, Costs, align
from asr.scoring.record import UtteranceScore
from asr.scoring.reference import Reference, parse_reference, plain_reference

DATA = Path(__file__).parents[1] / "data/score"
SPLITS = list(csv.DictReader((DATA / "splits.tsv").open(encoding="utf-8"), delimiter="\t"))
DEBIAN = Path("/usr/lib/sctk/bin/sclite")


def counts(utterance: UtteranceScore) -> tuple[int, int, int, int]:
    return utterance.correct, utterance.substitutions, utterance.deletions, utterance.insertions


def random_words(rng: random.Random, longest: int) -> list[str]:
    return rng.choices("abcd", k=rng.randint(0, longest))


@cache
def least(reference: tuple[str, ...], hypothesis: tuple[str, ...]) -> tuple[int, int]:
    """The least errors and, with those, the fewest substitutions; by recursion."""
    if not reference or not hypothesis:
        return len(reference) + len(hypothesis), 0
    wrong = reference[-1] != hypothesis[-1]
    (pair_errors, pair_subs), deleted, inserted = (
        least(reference[:-1], hypothesis[:-1]),
        least(reference[:-1], hypothesis),
        least(reference, hypothesis[:-1]),
    )
    return min((pair_errors + wrong, pair_subs + wrong), (deleted[0] + 1, deleted[1]), (inserted[0] + 1, inserted[1]))


# --- plain words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SPLITS, ids=lambda row: f"{row['reference']}/{row['hypothesis']}")
def test_counts_are_those_of_other_tools(row: dict[str, str]) -> None:
    def of(tool: str, kinds: str) -> tuple[int, ...]:
        return tuple(int(row[f"{tool}_{kind}"]) for kind in kinds)

    minimal = score_utterance("x", row["reference"], row["hypothesis"])
    assert counts(minimal)[1:] == of("minimal", "SDI")
    assert minimal.errors == int(row["least_errors"]) == sum(of("jiwer", "SDI")) == sum(of("kaldialign", "SDI"))
    sclite = score_utterance("x", row["reference"], row["hypothesis"], alignment=SCLITE)
    assert counts(sclite) == of("sclite", "CSDI")
    if minimal.errors == sclite.errors:
        assert counts(minimal) == counts(sclite)


def test_minimal_is_least_errors_then_fewest_substitutions_in_counts_and_in_columns() -> None:
    rng = random.Random(1)
    for _ in range(300):
        reference, hypothesis = random_words(rng, 8), random_words(rng, 8)
        scored = score_utterance("x", " ".join(reference), " ".join(hypothesis))
        assert (scored.errors, scored.substitutions) == least(tuple(reference), tuple(hypothesis))
        columns = scored.aligned_words()
        marks = [column.mark for column in columns]
        assert counts(scored)[1:] == (marks.count("S"), marks.count("D"), marks.count("I"))
        assert [column.reference for column in columns if column.reference is not None] == reference
        assert [column.hypothesis for column in columns if column.hypothesis is not None] == hypothesis


def test_totals_are_those_of_jiwer_and_never_more_than_those_of_sclite() -> None:
    rng = random.Random(2)
    more = 0
    for _ in range(300):
        reference, hypothesis = " ".join(["a", *random_words(rng, 9)]), " ".join(random_words(rng, 9))
        minimal, peer = score_utterance("x", reference, hypothesis), jiwer.process_words(reference, hypothesis)
        assert minimal.errors == peer.substitutions + peer.deletions + peer.insertions
        assert minimal.num_words == peer.hits + peer.substitutions + peer.deletions
        assert minimal.num_hypothesis_words == peer.hits + peer.substitutions + peer.insertions
        sclite = score_utterance("x", reference, hypothesis, alignment=SCLITE)
        assert sclite.errors >= minimal.errors
        more += sclite.errors > minimal.errors
        assert sclite.errors > minimal.errors or counts(sclite) == counts(minimal)
    assert more  # they do differ


def test_tables_in_pieces_give_the_same_alignment(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    words = [rng.choices("abcdefg", k=400) for _ in range(2)]
    whole = {costs: align(plain_reference(words[0]), words[1], costs) for costs in COSTS.values()}
    monkeypatch.setattr("asr.scoring.cheapest_path.math.isqrt", lambda number: number)  # one piece
    for costs, pairs in whole.items():
        assert align(plain_reference(words[0]), words[1], costs) == pairs
    assert len(whole[COSTS[MINIMAL]]) > 400


def test_mer_and_wil_follow_from_the_counts() -> None:
    scored = score(["a b"], ["b c"])
    assert (scored.mer, scored.wil) == (pytest.approx(2 / 3), 0.75)  # jiwer's split has no hit: 1.0, 1.0
    scored = score(["a b", "", "c"], ["a b", "d e", "c"])
    assert (scored.errors, scored.num_words, scored.wer) == (2, 3, pytest.approx(2 / 3))
    assert (scored.mer, scored.wil) == (pytest.approx(0.4), pytest.approx(0.4))


@pytest.mark.parametrize(("name", "expected"), [("a", (472, 68, 23, 18, 109, 53)), ("b", (510, 38, 15, 15, 68, 38))])
def test_sixty_utterances_count_as_in_sclite(name: str, expected: tuple[int, ...]) -> None:
    """Values of sclite; jiwer's totals are the same."""
    references, hypotheses = (
        [line.rpartition(" (")[0] for line in (DATA / f"pair-{which}.trn").read_text().splitlines()]
        for which in ("ref", name)
    )
    for alignment in COSTS:
        scored = score(references, hypotheses, alignment=alignment)
        counts = (scored.correct, scored.substitutions, scored.deletions, scored.insertions)
        assert (*counts, scored.errors, scored.num_wrong_utterances) == expected
        assert (scored.num_words, scored.num_utterances) == (563, 60)
        assert scored.sentence_error_rate == expected[-1] / 60


def test_unknown_alignments_and_endless_texts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ScoringError, match="found the alignment 'nist'; expected minimal or sclite"):
        score(["a"], ["a"], alignment="nist")
    million = "a " * 1_000_000
    assert score([million + "b"], [million + "c"]).errors == 1  # common ends cost nothing
    with pytest.raises(ScoringError, match="utterance 1: is too long to be aligned"):
        score(["b " + "a c " * 500_000], ["c " + "a " * 1_000_000 + "b"])


# --- alternatives, optional words, fragments --------------------------------------------------------------------------


def counted(reference: str, hypothesis: str, *, optional: bool = True, fragments: bool = False) -> list[object]:
    """N and the counts by both alignments, which are the same in these cases."""
    graph = parse_reference(reference, "here", optional_words=optional, fragments=fragments)
    found = [score_utterance("x", graph, hypothesis, alignment=name) for name in COSTS]
    assert counts(found[0]) == counts(found[1])
    assert found[0].num_words == found[1].num_words
    return list(counts(found[0]))


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("i am a (farmer)", "i am a", [4, 0, 0, 0]),
        ("i am a (farmer)", "i am a farmer", [4, 0, 0, 0]),
        ("i am a (farmer)", "i am a driver", [3, 1, 0, 0]),
        ("a (b c) d", "a d", [2, 0, 2, 0]),
        ("a (b) c", "a c d", [3, 0, 0, 1]),
        ("x (the) y", "x q y", [2, 1, 0, 0]),
        ("i was th- there", "i was the there", [3, 1, 0, 0]),
        ("i have { um / uh / @ } seen", "i have seen", [3, 0, 0, 0]),
        ("i have { um / uh / @ } seen", "i have uh seen", [4, 0, 0, 0]),
        ("i have { um / uh / @ } seen", "i have er seen", [3, 0, 0, 1]),
        ("{ going to / gonna } do it", "gonna do it", [3, 0, 0, 0]),
        ("{ going to / gonna } do it", "going to do it", [4, 0, 0, 0]),
        ("{ going to / gonna } do it", "do it", [2, 0, 1, 0]),
        ("{ going to / gonna } do it", "going do it", [3, 0, 1, 0]),
        ("a { b { c / d } / e } f", "a b d f", [4, 0, 0, 0]),
        ("a {b/c} d", "a c d", [3, 0, 0, 0]),
        ("M^{ME} on 1/2 now", "M^{ME} on 1/2 now", [4, 0, 0, 0]),
    ],
)
def test_alternatives_and_optional_words_count_as_in_sclite(
    reference: str, hypothesis: str, expected: list[int]
) -> None:
    assert counted(reference, hypothesis) == expected


def test_without_optional_words_parentheses_belong_to_the_word() -> None:
    assert counted("i am a (farmer)", "i am a", optional=False) == [3, 0, 1, 0]
    assert counted("i am a (farmer)", "i am a farmer", optional=False) == [3, 1, 0, 0]


def test_fragments_are_right_as_words_that_begin_or_end_with_them() -> None:
    assert counted("i was th- there", "i was the there", fragments=True) == [4, 0, 0, 0]
    assert counted("i was th- there", "i was there", fragments=True) == [3, 0, 1, 0]
    assert counted("i was (th-) there", "i was there", fragments=True) == [4, 0, 0, 0]
    assert counted("i was -ing a - b", "i was going a - b", fragments=True) == [6, 0, 0, 0]


def test_columns_show_the_alternative_that_was_taken_and_what_was_left_out() -> None:
    scored = score_utterance("x", parse_reference("{ going to / gonna } (really) do it", "here"), "going do it")
    assert [tuple(pair) for pair in scored.aligned_words()] == [
        *(("going", "going", ""), ("to", None, "D"), ("(really)", None, ""), ("do", "do", ""), ("it", "it", "")),
    ]
    assert (scored.reference, scored.num_words) == ("going to (really) do it", 5)
    assert (scored.num_characters, scored.character_errors) == (len("going to do it"), len(" to"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a { b / c", "here, column 3: alternatives without a } at their end"),
        ("a {", "here, column 3: alternatives without"),
        ("a b } c", "here, column 5: a } without the { that opens alternatives"),
        ("a { b / } c", "here, column 9: an empty alternative; write @ for nothing at all"),
        ("a { } c", "here, column 5: an empty alternative"),
    ],
)
def test_ill_formed_alternatives_are_refused_with_their_place(text: str, message: str) -> None:
    with pytest.raises(ScoringError, match=re.escape(message)):
        parse_reference(text, "here")


def ways(reference: Reference, node: int = 0) -> list[list[str]]:
    """All word sequences of a reference without optional words."""
    if node == reference.num_nodes - 1:
        return [[]]
    return [
        [arc.word, *rest] if arc.word else rest
        for arc in reference.arcs
        if arc.start == node
        for rest in ways(reference, arc.end)
    ]


def test_alternatives_give_the_errors_of_the_best_way_through_them() -> None:
    rng = random.Random(4)
    for _ in range(200):
        parts = [
            rng.choice(["a", "b", "c", "{ a b / c }", "{ a / @ }", "{ b { a / c c } / d a / @ }"])
            for _ in range(rng.randint(0, 5))
        ]
        graph, hypothesis = parse_reference(" ".join(parts), "here"), random_words(rng, 7)
        scored = score_utterance("x", graph, " ".join(hypothesis))
        assert (scored.errors, scored.substitutions) == min(least(tuple(way), tuple(hypothesis)) for way in ways(graph))


def test_costs_of_a_pair_may_be_anything() -> None:
    """The same table with other costs: the longest common subsequence."""
    pairs = align(plain_reference("xaybzc"), list("abc"), Costs(2, 1, 1, 1))
    assert sum(not pair.mark for pair in pairs) == 3
    assert isinstance(pairs[0].mark, str)
    assert np.array_equal([pair.hypothesis for pair in pairs if pair.hypothesis], list("abc"))


# --- the tool itself --------------------------------------------------------------------------------------------------

TOOL = shutil.which("sclite") or (str(DEBIAN) if DEBIAN.exists() else None)


@pytest.mark.skipif(TOOL is None, reason="NIST's sclite is not installed (Debian package sctk)")
def test_sclite_itself_counts_the_same(tmp_path: Path) -> None:
    rng = random.Random(5)
    parts = ["a", "b", "c", "(a)", "(b)", "{ a b / c }", "{ a / @ }", "ab-"]
    references = [" ".join(["d", *rng.choices(parts, k=rng.randint(0, 8))]) for _ in range(300)]
    hypotheses = [" ".join(["d", *random_words(rng, 9)]) for _ in references]
    for name, texts in (("r.trn", references), ("h.trn", hypotheses)):
        (tmp_path / name).write_text("".join(f"{text} (s_{n})\n" for n, text in enumerate(texts)))
    command = [
        str(TOOL),
        "-r",
        "r.trn",
        "trn",
        "-h",
        "h.trn",
        "trn",
        "-i",
        "rm",
        "-s",
        "-D",
        "-F",
        "-o",
        "pra",
        "stdout",
    ]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    theirs = dict(zip(re.findall(r"id: \(s_(\d+)\)", out), re.findall(r"Scores: .*?\) (.*)", out), strict=True))
    assert len(theirs) == len(references)
    for number, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True)):
        graph = parse_reference(reference, "here", fragments=True)
        ours = counts(score_utterance("x", graph, hypothesis, alignment=SCLITE))
        assert list(ours) == [int(count) for count in theirs[str(number)].split()], (reference, hypothesis)
