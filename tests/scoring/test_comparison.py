"""Scores as files, and two of them beside each other."""

import json
from pathlib import Path

import pytest

from asr.errors import ScoringError
from asr.scoring import Score, pair, score
from asr.scoring.comparison import compare
from asr.scoring.reference import Reference, parse_reference
from asr.scoring.stored import read_score, scores_in, write_score
from tests.support.command_line import Refusal, RunAsr, written

DATA = Path(__file__).parents[1] / "data/score"


def of_pair(name: str) -> Score:
    texts = pair(DATA / "pair-ref.trn", DATA / f"pair-{name}.trn")
    return score(texts.references, texts.hypotheses, ids=texts.ids, facts=texts.facts)


ALTERNATIVES: list[str | Reference] = [
    parse_reference("{ going to / gonna } (really) th- do", "here", fragments=True),
    "שלום <b> café",
    "",
]


@pytest.mark.parametrize(
    "whole",
    [
        of_pair("a"),
        score(
            ALTERNATIVES, ["gonna the do", "café", "x"], facts=[{"snr": 3.5, "ok": True}, {}, {}], alignment="sclite"
        ),
        score([""], ["a b"], spaces=False),
    ],
)
def test_a_stored_score_is_the_same_again(whole: Score, tmp_path: Path) -> None:
    write_score(tmp_path / "a.json", whole)
    again = read_score(tmp_path / "a.json")
    assert again.utterances == whole.utterances
    assert [u.aligned_words() for u in again.utterances] == [u.aligned_words() for u in whole.utterances]
    assert str(again) == str(whole)  # the ends of an interval may be NaN, which is not equal to itself
    assert again.to_json() == whole.to_json()


def test_the_beginning_of_a_stored_score_is_what_is_printed(asr: RunAsr, tmp_path: Path) -> None:
    files = [DATA / "pair-ref.trn", DATA / "pair-a.trn"]
    printed = json.loads(asr("score", *files, "--json", "--record", tmp_path / "a.json").out)
    stored = json.loads((tmp_path / "a.json").read_text())
    assert len(stored.pop("utterances")) == 60
    assert stored == printed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no score; expected what `asr score --record`"),
        ('{"wer": 0.1}', "is no score"),
        ("[]", "is no score"),
        (json.dumps(of_pair("a").to_json() | {"deletions": -1}), "is no whole score .ValueError: found -1"),
        (
            json.dumps(of_pair("a").to_json() | {"utterances": [{"id": "a"}]}),
            "is no whole score .KeyError: 'reference'",
        ),
        (json.dumps(of_pair("a").to_json() | {"utterances": 3}), "is no whole score .TypeError"),
    ],
)
def test_broken_scores_are_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ScoringError, match=message):
        read_score(written(tmp_path / "a.json", content))


def run(folder: Path, **scores: Score) -> Path:
    folder.mkdir()
    for name, one in scores.items():
        write_score(folder / f"{name}.json", one)
    written(folder / "environment.json", {"python": "3.11"})
    written(folder / "list.json", "[]")
    return folder


def test_runs_are_compared_part_by_part(tmp_path: Path) -> None:
    a, b = of_pair("a"), of_pair("b")
    first, second = run(tmp_path / "a", dev=a, test=b, old=a), run(tmp_path / "b", dev=b, test=b)
    comparisons, notes = compare(first, second)
    assert list(scores_in(first)) == ["dev", "old", "test"]
    assert notes == [f"not compared, as the other run has none of this name: {first}/old"]
    dev, test = comparisons
    assert (dev.part, test.part) == ("dev", "test")
    assert dev.difference == pytest.approx((68 - 109) / 563)
    better = sum(v.errors < u.errors for u, v in zip(a.utterances, b.utterances, strict=True))
    worse = sum(v.errors > u.errors for u, v in zip(a.utterances, b.utterances, strict=True))
    assert dev.utterances == (better, worse, 60 - better - worse)
    assert better > worse > 0
    assert (test.difference, test.utterances) == (0.0, (0, 0, 60))
    (swapped, _), _ = compare(second, first)
    assert (swapped.difference, swapped.utterances) == (-dev.difference, (worse, better, 60 - better - worse))


def test_scores_without_utterances_have_their_rates_compared(asr: RunAsr, tmp_path: Path) -> None:
    old = written(tmp_path / "old.json", of_pair("a").to_json())
    write_score(tmp_path / "new.json", of_pair("b"))
    result = asr("score", "--compare", old, tmp_path / "new.json")
    assert result.out.splitlines()[1:] == [
        "part   words  WER old  WER new  difference  better  worse  equal",
        "score    563  19.36 %  12.08 %       -7.28",
    ]
    record = json.loads(asr("score", "--compare", old, tmp_path / "new.json", "--json").out)["comparisons"][0]
    assert (record["difference"], record["num_better"]) == (pytest.approx(-41 / 563), None)


def test_utterances_that_changed_are_listed_and_on_a_page(asr: RunAsr, refusal: Refusal, tmp_path: Path) -> None:
    first = run(tmp_path / "a", dev=score(["x y", "z"], ["x", "z"], ids=["u", "v"]))
    second = run(tmp_path / "b", dev=score(["x y", "z"], ["x y", "z"], ids=["u", "v"]))
    listed = asr("score", "--compare", first, second, "--listing", "--html", tmp_path / "p.html").out
    assert "u, a: 1 error in 2 words" in listed
    assert "u, b: 0 errors in 2 words" in listed
    assert "v, " not in listed
    assert "<title>a, b against a</title>" in (tmp_path / "p.html").read_text()
    write_score(first / "test.json", of_pair("a"))
    write_score(second / "test.json", of_pair("b"))
    message = refusal("score", "--compare", first, second, "--html", tmp_path / "p.html")
    assert "a page shows the utterances of one part, found dev, test" in message


def test_what_cannot_be_compared_is_refused(refusal: Refusal, tmp_path: Path) -> None:
    first = run(tmp_path / "a", dev=score(["x", "y"], ["x", "y"], ids=["u", "v"]))
    for number, (other, message) in enumerate(
        [
            (score(["x", "y"], ["x", "y"], ids=["u", "w"]), "dev: 1 utterances have other ids or references: v"),
            (score(["x"], ["x"], ids=["u"]), "dev: 1 utterances have other ids or references: v"),
            (score(["x", "z"], ["x", "y"], ids=["u", "v"]), "other ids or references: v"),
            (score(["x", "y"], ["x", "y"], ids=["u", "v"], spaces=False), "were counted in other ways"),
        ]
    ):
        assert message in refusal("score", "--compare", first, run(tmp_path / f"b{number}", dev=other))
    empty = run(tmp_path / "empty")
    assert "there is no score that both have: " in refusal("score", "--compare", first, empty)
    assert "one is a folder; give two run folders" in refusal("score", "--compare", first, first / "dev.json")
    assert "--compare needs two runs, or two scores" in refusal("score", "--compare", first)
    assert "--record stores the score of one system, found 2" in refusal(
        "score", first, first, first, "--record", tmp_path / "x.json"
    )
    written(tmp_path / "old.json", score(["x"], ["x"]).to_json())
    assert "have 2 and 1 words" in refusal("score", "--compare", first / "dev.json", tmp_path / "old.json")


def test_without_words_there_is_no_difference(asr: RunAsr, tmp_path: Path) -> None:
    silent = run(tmp_path / "a", dev=score([""], ["a"]))
    row = asr("score", "--compare", silent, silent).out.splitlines()[-1]
    assert row.split() == ["dev", "0", "no", "words", "no", "words", "0", "0", "1"]
    found = json.loads(asr("score", "--compare", silent, silent, "--json").out)["comparisons"][0]
    assert (found["difference"], found["first"]["wer"]) == (None, None)
