"""Scoring, against a Levenshtein distance written here, jiwer's pooled rates, and statistics that can be worked out."""

import doctest
import json
import math
import random
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Sequence

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.errors import ScoringError
from asr.scoring import score, score_utterance, summary_line
from asr.scoring.interval import error_interval

score_module = sys.modules["asr.scoring.score"]  # `asr.scoring.score` as such is the function

# Few letters, so that texts share words; white space of many kinds; letters beyond ASCII and the BMP.
TEXTS = st.text(alphabet="AB ÄÉ日🎈 \t\n\u00a0\u0085\u2028\u3000", max_size=20)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8)


def distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Levenshtein distance of two sequences, by the textbook's dynamic programme."""
    row = list(range(len(hypothesis) + 1))
    for i, wanted in enumerate(reference, start=1):
        diagonal, row[0] = row[0], i
        for j, found in enumerate(hypothesis, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != found))
    return row[-1]


def random_sentences(seed: int, count: int) -> tuple[list[str], list[str]]:
    """Sentences of 1 to 12 words, and copies with many of the words changed, dropped or doubled."""
    rng = random.Random(seed)
    words = ["A", "I", "THE", "CAT", "SAT", "DOWN", "ÜBER"]
    references = [rng.choices(words, k=rng.randint(1, 12)) for _ in range(count)]
    changes: tuple[Callable[[str], list[str]], ...] = (
        lambda word: [word],
        lambda word: [word],
        lambda word: [rng.choice(words)],
        lambda word: [],
        lambda w: [w, w],
    )
    hypotheses = [[new for word in sentence for new in rng.choice(changes)(word)] for sentence in references]
    return [" ".join(s) for s in references], [" ".join(s) for s in hypotheses]


# --- counts ---------------------------------------------------------------------------------------------------------


@given(PAIRS)
def test_errors_are_the_levenshtein_distances_of_words_and_characters(pairs: list[tuple[str, str]]) -> None:
    for reference, hypothesis in pairs:
        result = score_utterance("x", reference, hypothesis)
        assert result.errors == distance(reference.split(), hypothesis.split())
        assert result.character_errors == distance(" ".join(reference.split()), " ".join(hypothesis.split()))
        assert result.num_words == len(reference.split())
        assert result.num_characters == len(" ".join(reference.split()))
        assert result.deletions - result.insertions == len(reference.split()) - len(hypothesis.split())


@given(TEXTS, TEXTS)
def test_alignment_spells_both_texts_and_has_as_many_marks_as_errors(reference: str, hypothesis: str) -> None:
    result = score_utterance("x", reference, hypothesis)
    columns = result.aligned_words()
    assert [column.reference for column in columns if column.reference is not None] == reference.split()
    assert [column.hypothesis for column in columns if column.hypothesis is not None] == hypothesis.split()
    marks = [column.mark for column in columns]
    assert (marks.count("S"), marks.count("D"), marks.count("I")) == (
        result.substitutions,
        result.deletions,
        result.insertions,
    )


@given(PAIRS)
def test_pooled_counts_are_sums_over_utterances(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = zip(*[*pairs, ("A", "A")], strict=True)  # the last one gives at least one word
    result = score(references, hypotheses)
    errors = sum(distance(r.split(), h.split()) for r, h in zip(references, hypotheses, strict=True))
    assert result.wer == errors / sum(len(r.split()) for r in references)
    assert result.errors == result.substitutions + result.deletions + result.insertions == errors
    assert result.num_words == sum(len(r.split()) for r in references)
    assert result.num_utterances == len(references)
    assert result.num_wrong_utterances == sum(
        r.split() != h.split() for r, h in zip(references, hypotheses, strict=True)
    )
    assert 0 <= result.wer_low <= result.wer_high < math.inf


def test_rates_equal_jiwers_pooled_rates() -> None:
    references, hypotheses = random_sentences(seed=1, count=300)
    result = score(references, hypotheses)
    assert result.wer == pytest.approx(jiwer.wer(references, hypotheses), rel=1e-12)
    assert result.cer == pytest.approx(jiwer.cer(references, hypotheses), rel=1e-12)
    assert 0.1 < result.wer < 1


def test_rates_are_pooled_and_not_averaged_over_utterances() -> None:
    assert score(["A", "B C D"], ["X", "B C D"]).wer == 1 / 4  # the mean of 1/1 and 0/3 would be 1/2


@pytest.mark.parametrize(
    ("reference", "hypothesis", "words", "counts", "character_errors"),
    [
        ("", "", 0, (0, 0, 0), 0),
        ("", "OH", 0, (0, 0, 1), 2),
        (" \t ", "OH NO", 0, (0, 0, 2), 5),
        ("OH NO", "", 2, (0, 2, 0), 5),
        ("I", "I", 1, (0, 0, 0), 0),
        ("I", "A", 1, (1, 0, 0), 1),
        ("I", "", 1, (0, 1, 0), 1),
        ("", "I", 0, (0, 0, 1), 1),
        ("I", "I AM", 1, (0, 0, 1), 3),
        ("A B C", "A C", 3, (0, 1, 0), 2),
        ("A  B", "A B", 2, (0, 0, 0), 0),
        ("CAT", "cat", 1, (1, 0, 0), 3),
    ],
)
def test_empty_and_one_letter_lines(
    reference: str, hypothesis: str, words: int, counts: tuple[int, int, int], character_errors: int
) -> None:
    result = score_utterance("x", reference, hypothesis)
    assert result.num_words == words
    assert (result.substitutions, result.deletions, result.insertions) == counts
    assert result.character_errors == character_errors


def test_empty_reference_adds_insertions_but_no_words() -> None:
    result = score(["THE CAT SAT", "", ""], ["THE BAT SAT", "OH", ""])
    assert (result.wer, result.cer) == (2 / 3, 3 / 11)
    assert (result.num_words, result.num_characters, result.num_wrong_utterances) == (3, 11, 2)
    assert (result.substitutions, result.deletions, result.insertions) == (1, 0, 1)


def test_json_has_exactly_the_promised_keys_and_is_valid() -> None:
    record = json.loads(json.dumps(score(["A B", ""], ["A", "C"]).to_json(), allow_nan=False))
    assert list(record) == [
        *("wer", "cer", "wer_low", "wer_high", "mer", "wil", "sentence_error_rate"),
        *("num_words", "correct", "substitutions", "deletions", "insertions"),
        *("num_characters", "character_errors", "num_utterances", "num_wrong_utterances", "alignment", "characters"),
    ]
    assert (record["wer"], record["mer"], record["wil"]) == (1.0, 2 / 3, 0.75)
    assert [record[name] for name in list(record)[6:12]] == [1.0, 2, 1, 0, 1, 1]
    assert list(record.values())[12:] == [3, 3, 2, 2, "minimal", "with spaces"]


@pytest.mark.parametrize(
    ("references", "hypotheses", "insertions", "wrong"), [([""], [""], 0, 0), (["", " "], ["", "A B"], 2, 1)]
)
def test_without_reference_words_there_are_counts_and_no_rate(
    references: list[str], hypotheses: list[str], insertions: int, wrong: int
) -> None:
    result = score(references, hypotheses)
    assert (result.insertions, result.num_wrong_utterances) == (insertions, wrong)
    assert math.isnan(result.wer)
    record = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert [record[name] for name in ("wer", "cer", "wer_low", "wer_high", "wil")] == [None] * 5
    assert summary_line(result).startswith("no WER: the references have no words")


@pytest.mark.parametrize(
    ("reference", "hypothesis", "spaces", "expected"),
    [
        ("the cat", "thecat", True, (1, 7)),
        ("the cat", "thecat", False, (0, 6)),
        ("café", unicodedata.normalize("NFD", "café"), True, (0, 4)),
        ("한국어", unicodedata.normalize("NFD", "한국어"), True, (0, 3)),
        ("हिन्दी", "हिन्दि", True, (1, 2)),
        ("น้ำใจ", "นำใจ", True, (1, 3)),
        ("தமிழ்", "தமிழ", True, (1, 3)),
        ("你好世界", "你好 世界", True, (1, 4)),
        ("你好世界", "你好 世界", False, (0, 4)),
        ("我 用 iphone 打", "我 用 iphon 打", False, (1, 9)),
        ("a b", "", True, (3, 3)),
    ],
)
def test_characters_are_graphemes_of_nfc(
    reference: str, hypothesis: str, spaces: bool, expected: tuple[int, int]
) -> None:
    result = score([reference], [hypothesis], spaces=spaces)
    assert (result.character_errors, result.num_characters) == expected
    assert result.characters == ("with spaces" if spaces else "without spaces")


def test_words_are_compared_in_nfc_and_split_at_any_white_space() -> None:
    assert score(["café"], [unicodedata.normalize("NFD", "café")]).errors == 0
    assert score(["a\tb", "a\u00a0b"], ["a b", "a b"]).errors == 0
    assert score(["我 用 iphone 打"], ["我 用 iphon 打"]).wer == 1 / 4


def test_one_wrong_word_beside_twenty_right_ones() -> None:
    assert score(["a", "b " * 20], ["x", "b " * 20]).wer == 1 / 21
    assert score(["a"], ["x y z"]).wer == 3.0  # not cut at 1
    by_line = score(["I", "yes it is", "no"], ["I am", "yes it is", "n"])
    assert (by_line.errors, by_line.num_words) == (2, 5)


def test_ids_are_given_or_counted() -> None:
    assert [u.id for u in score(["A", "B"], ["A", "B"]).utterances] == ["1", "2"]
    assert [u.id for u in score(["A", "B"], ["A", "B"], ids=["x", "y"]).utterances] == ["x", "y"]


@pytest.mark.parametrize(
    ("references", "hypotheses", "ids", "message"),
    [
        (["A", "B", "C"], ["A"], None, "3 references and 1 hypotheses"),
        (["A", "B"], ["A", "B"], ["x"], "1 ids for 2 references"),
        ("A B", "A B", None, "lists of texts"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    references: Sequence[str], hypotheses: Sequence[str], ids: list[str] | None, message: str
) -> None:
    with pytest.raises(ScoringError, match=message):
        score(references, hypotheses, ids=ids)


def test_example_in_the_docstring() -> None:
    assert doctest.testmod(score_module) == (0, 1)


def test_scoring_loads_nothing_heavy() -> None:
    """NumPy alone would take most of the time that the import may take."""
    code = (
        "import sys, asr.scoring; asr.scoring.score_utterance('1', 'a', 'b');"
        "print(*{'torch', 'numba', 'numpy'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("\n", "")


# --- interval ---------------------------------------------------------------------------------------------------------


def test_score_puts_the_interval_around_the_rate() -> None:
    references, hypotheses = random_sentences(seed=2, count=200)
    result = score(references, hypotheses)
    assert result.wer_low < result.wer < result.wer_high
    assert (result.wer_low, result.wer_high) == error_interval(
        [distance(r.split(), h.split()) for r, h in zip(references, hypotheses, strict=True)],
        [len(r.split()) for r in references],
    )
