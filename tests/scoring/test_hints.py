"""What is said when a score is better or worse than the recogniser."""

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from asr.scoring import hints, score
from tests.support.command_line import RunAsr, manifest, written
from tests.support.talkative import SAMPLE_RATE, sound, talkative

WORDS = ["THE", "CAT", "SAT", "ON", "A", "MAT", "AND", "THE", "DOG", "SAW", "IT,", "SO", "IT'S", "GONE"]


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_another_letter_case_is_named_with_the_rate_without_it(change: Callable[[str], str]) -> None:
    """One word of ten is wrong; the shift of an insertion does not hide it."""
    references = ["the cat sat on the mat", "a dog saw it"]
    [hint] = hints(score([change(text) for text in references], ["THE UH cAT sAT oN THE mAT", "A dOG sAW iT"]))
    assert "differ in letter case (" in hint
    assert "the word error rate would be 10.00 % without it" in hint
    assert "Write the references as the recogniser's training texts are written" in hint


def test_punctuation_is_named() -> None:
    [hint] = hints(score(["HELLO, WORLD.", "YES"], ["HELLO WORLD", "YES"]))
    assert "differ in punctuation ('HELLO,', 'HELLO')" in hint
    [hint] = hints(score(["Hello, world.", "YES"], ["HELLO WORLD", "YES"]))
    assert "differ in letter case and punctuation ('Hello,', 'HELLO')" in hint


@pytest.mark.parametrize(
    ("references", "hypotheses"),
    [
        (["THE CAT", "SAT"], ["THE CAT", "SAT"]),
        (["THE CAT", "SAT"], ["THE BAT", "SIT"]),
        (["THE CAT", ""], ["", "OH"]),
        (["A B C D E F", "G"], ["a X Y Z X Y", "X"]),  # one of seven errors
    ],
)
def test_nothing_is_said_of_errors_that_are_errors(references: list[str], hypotheses: list[str]) -> None:
    assert hints(score(references, hypotheses)) == []


def test_punctuation_alone_as_reference_gives_no_rate_without_it() -> None:
    [hint] = hints(score(["..."], [""]))
    assert "differ in punctuation, which counts as errors. Write" in hint


@pytest.mark.parametrize("form", ["{name} {text}", "{text} ({name})"])
def test_names_of_utterances_that_count_as_right_words(form: str) -> None:
    both = [
        [form.format(name=f"a-{n}", text=text) for n, text in enumerate(texts)] for texts in (["A", "B"], ["C", "D"])
    ]
    [hint] = hints(score(*both))
    assert "is counted as a right word; take it out of both" in hint
    assert hints(score(["1 A", "2 B"], ["1 C", "2 D"])) == []  # numbers may be said
    assert hints(score(["TAKE A", "B2 TAKE"], ["TAKE A", "B2 TAKE"])) == []


def test_score_says_so_on_stderr_and_leaves_the_numbers(asr: RunAsr, tmp_path: Path) -> None:
    result = asr("score", written(tmp_path / "r.txt", "the cat"), written(tmp_path / "h.txt", "THE CAT"), "--json")
    assert result.out.startswith('{"wer": 1.0')
    *forms, hint = result.err.splitlines()
    assert [form.rpartition(": ")[2] for form in forms] == ["read as plain text, one utterance a line"] * 2
    assert hint.startswith("asr: references and hypotheses differ in letter case ('the', 'THE')")


def test_evaluate_says_which_words_no_model_of_these_tokens_can_write(
    asr: RunAsr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = talkative()
    recognizer.save(tmp_path / "model")
    soundfile.write(tmp_path / "a.wav", sound(16_000, 0), SAMPLE_RATE, subtype="FLOAT")
    heard = recognizer.transcribe(tmp_path / "a.wav").text
    result = asr("evaluate", tmp_path / "model", manifest(tmp_path / "m.jsonl", tmp_path / "a.wav", text=heard.lower()))
    alphabet, case = result.err.splitlines()
    num_words = len(heard.split())
    assert f"m.jsonl: the model's tokens cannot write {num_words} of the {num_words} words, such as" in alphabet
    assert "the word error rate would be 0.00 % without it" in case
    assert asr("evaluate", tmp_path / "model", manifest(tmp_path / "m.jsonl", tmp_path / "a.wav", text=heard)).err == ""
