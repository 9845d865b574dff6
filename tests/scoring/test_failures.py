"""Confusions, deletions, insertions, worst utterances and slices: by hand, and by summing up to the whole."""

import json
import math
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from asr.errors import ScoringError
from asr.scoring import Score, pair, score
from asr.scoring.failures import failures
from asr.scoring.interval import error_interval
from asr.scoring.slices import LENGTH, RATE, slices
from asr.scoring.tables import Table, failure_tables, table_lines
from tests.support.command_line import RunAsr, written

DATA = Path(__file__).parents[1] / "data/score"


def test_words_are_counted_by_what_became_of_them() -> None:
    references = ["the cat sat", "the cat ran off", "oh the dog", "the end", ""]
    hypotheses = ["the bat sat", "a bat ran", "the dog", "the end end", "uh"]
    found = failures(score(references, hypotheses, ids=list("abcde")))
    assert found.confusions == (("cat", "bat", 2), ("the", "a", 1))
    assert found.deleted == (("off", 1, 1), ("oh", 1, 1))
    assert found.inserted == (("end", 1), ("uh", 1))
    # all but b have one error; e has no words, so its rate has no end
    assert [utterance.id for utterance in found.worst] == ["b", "e", "d", "a", "c"]


def test_lists_end_where_told_and_only_wrong_utterances_are_worst() -> None:
    found = failures(score(["a", "b", "c", "a"], ["x", "y", "c", "x"]), most=1)
    assert (found.confusions, len(found.worst)) == ((("a", "x", 2),), 1)
    right = failures(score(["a", "b"], ["a", "b"]))
    assert (right.confusions, right.deleted, right.inserted, right.worst) == ((), (), (), ())


def test_counts_of_all_words_are_those_of_the_score() -> None:
    """Nothing is lost or counted twice: the lists sum up to the counts, which come from an edit distance."""
    texts = pair(DATA / "pair-ref.trn", DATA / "pair-a.trn")
    whole = score(texts.references, texts.hypotheses, ids=texts.ids, facts=texts.facts)
    found = failures(whole, most=10_000)
    assert sum(times for *_, times in found.confusions) == whole.substitutions == 68
    assert sum(times for _, times, _ in found.deleted) == whole.deletions == 23
    assert sum(times for _, times in found.inserted) == whole.insertions == 18
    assert len(found.worst) == 53
    said = Counter(" ".join(u.reference for u in whole.utterances).split())
    assert all(times <= of == said[word] for word, times, of in found.deleted)


def sliced(result: Score, *by: str) -> dict[str, dict[str, tuple[int, int]]]:
    """Errors and words by property and slice."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for one in slices(result, by):
        found.setdefault(one.by, {})[one.name] = (one.errors, one.num_words)
    return found


def test_speakers_have_their_own_rates_and_intervals() -> None:
    texts = pair(DATA / "pair-ref.trn", DATA / "pair-b.trn")
    whole = score(texts.references, texts.hypotheses, ids=texts.ids, facts=texts.facts)
    speakers = {one.name: one for one in slices(whole) if one.by == "speaker"}
    assert len(speakers) == 6
    for name, one in speakers.items():
        own = [utterance for utterance in whole.utterances if utterance.id.startswith(f"{name}_")]
        assert (one.num_utterances, one.errors) == (10, sum(u.errors for u in own))
        assert (one.wer_low, one.wer_high) == error_interval([u.errors for u in own], [u.num_words for u in own])
    errors = [one.errors for one in speakers.values()]
    assert errors == sorted(errors, reverse=True)


def test_every_property_sums_up_to_the_whole() -> None:
    rng = random.Random(7)
    references = [" ".join(rng.choices("abc", k=rng.randint(0, 50))) for _ in range(200)]
    hypotheses = [text[2:] if rng.random() < 0.5 else text for text in references]
    facts: list[dict[str, str | float]] = [
        {
            "speaker": rng.choice("xyz"),
            "duration": rng.uniform(1, 9),
            "snr": rng.uniform(0, 30),
            "room": rng.randrange(40),
        }
        for _ in references
    ]
    whole = score(references, hypotheses, facts=facts)
    found = sliced(whole, "snr", "room")
    assert set(found) == {"speaker", LENGTH, RATE, "snr", "room"}
    for parts in found.values():
        assert tuple(map(sum, zip(*parts.values(), strict=True))) == (whole.errors, whole.num_words)
    assert list(found[LENGTH]) == ["0", "1 to 5", "6 to 10", "11 to 20", "21 to 40", "41 or more"]
    assert len(found["snr"]) == len(found[RATE]) == 4
    quarters = [one.num_utterances for one in slices(whole, ["snr"]) if one.by == "snr"]
    assert quarters == [50, 50, 50, 50]


def test_few_numbers_and_unknown_ones_are_slices_of_their_own() -> None:
    facts = [{"take": "10"}, {"take": "9"}, {"take": "10"}, {}]
    assert sliced(score(list("abcd"), list("abxx"), facts=facts), "take")["take"] == {
        "9": (0, 1),
        "10": (1, 2),
        "unknown": (1, 1),
    }


def test_many_names_become_twenty_and_the_others() -> None:
    count = 25
    facts = [{"speaker": f"s{n:02}"} for n in range(count)]
    speakers = sliced(score(["a"] * count, ["a"] * 5 + ["x"] * 20, facts=facts))["speaker"]
    assert list(speakers)[-1] == "5 others"
    assert speakers["5 others"] == (0, 5)


def test_a_field_that_no_utterance_has_is_refused() -> None:
    with pytest.raises(ScoringError, match="found no snr in the references to slice by; they have room, words in"):
        slices(score(["a"], ["a"], facts=[{"room": 1}]), ["snr"])


def test_without_words_there_is_no_rate() -> None:
    whole = score(["a", ""], ["a", "b"], facts=[{"speaker": "x"}, {"speaker": "y"}])
    (silent,) = [one for one in slices(whole) if one.name == "y"]
    assert math.isnan(silent.wer)
    assert '"wer": null' in json.dumps(failures(whole).to_json(), allow_nan=False)
    (table,) = [table for table in failure_tables({"s": failures(whole)}) if table.title == "by speaker"]
    assert table.rows[0][:4] == ["y", 1, 0, "no words"]


def test_tables_of_a_terminal_are_in_columns() -> None:
    lines = table_lines(Table("by speaker", ["speaker", "WER"], [["日本", "1.00 %"], ["b", "12.00 %"]]))
    assert lines == "by speaker:\nspeaker      WER\n日本      1.00 %\nb        12.00 %\n"


def test_terminal_json_and_page_show_the_same(asr: RunAsr, tmp_path: Path) -> None:
    references = written(
        tmp_path / "r.jsonl",
        *(
            {"id": f"u{n}", "text": text, "duration": 2.0, "speaker": speaker, "room": room}
            for n, (text, speaker, room) in enumerate(
                [("the cat", "anna", "hall"), ("a cat", "ben", "hall"), ("<b> cat", "ben", "car")]
            )
        ),
    )
    hypotheses = written(tmp_path / "h.jsonl", *({"id": f"u{n}", "text": "the bat"} for n in range(3)))
    page = tmp_path / "page.html"
    out = asr("score", references, hypotheses, "--failures", "--by", "room", "--html", page).out
    assert "cat → bat                   3\n" in out
    assert re.search(r"\nby room:\nroom +utterances +words +WER +95 % interval\nhall +2 +4 +75.00 % ", out)
    found = json.loads(asr("score", references, hypotheses, "--failures", "--by", "room", "--json").out)["failures"]
    assert found["confusions"][0] == {"reference": "cat", "hypothesis": "bat", "times": 3}
    assert [(one["name"], one["wer"]) for one in found["slices"] if one["by"] == "room"] == [
        ("hall", 0.75),
        ("car", 1.0),
    ]
    content = page.read_text(encoding="utf-8")
    assert '<th scope="row">cat → bat</th><td>3</td>' in content
    assert '<th scope="row">hall</th><td>2</td><td>4</td><td>75.00 %</td>' in content
    assert "&lt;b&gt; → the" in content
    several = asr("score", references, hypotheses, references, "--failures").out
    assert "speaker  utterances  words     WER h" in several
    assert "h: words taken for others:" in several
    assert "failures" not in json.loads(asr("score", references, hypotheses, "--json").out)
