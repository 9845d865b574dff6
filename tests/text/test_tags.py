"""Capital forms of words."""

import pytest

from asr.text.tags import CAPITAL, LOWER, MIXED, UPPER, case_of, cased

MIXED_FORMS = {"mcdonald": "McDonald", "iphone": "iPhone"}


@pytest.mark.parametrize(
    ("word", "case"),
    [
        ("on", LOWER), ("it's", LOWER), ("On", CAPITAL), ("I", CAPITAL), ("I'm", CAPITAL), ("Bell's", CAPITAL),
        ("U", CAPITAL), ("NATO", UPPER), ("NATO's", UPPER), ("DON'T", UPPER), ("McDonald", MIXED), ("iPhone", MIXED),
        ("APIs", MIXED), ("O'Brien", MIXED),
    ],
)  # fmt: skip
def test_the_case_of_a_printed_word(word: str, case: int) -> None:
    assert case_of(word) == case


@pytest.mark.parametrize(
    "word", ["on", "On", "I", "I'm", "Bell's", "NATO", "NATO's", "McDonald", "McDonald's", "iPhone"]
)
def test_a_word_comes_back_from_its_case(word: str) -> None:
    assert cased(word.upper(), case_of(word), begins=False, mixed=MIXED_FORMS) == word


@pytest.mark.parametrize("word", ["I", "I'M", "I'LL", "I'VE", "I'D"])
def test_the_first_person_always_has_a_capital(word: str) -> None:
    assert cased(word, LOWER, begins=False, mixed={}) == "I" + word[1:].lower()


def test_the_first_word_of_a_sentence_has_a_capital_unless_its_form_is_known() -> None:
    assert cased("CAT", LOWER, begins=True, mixed=MIXED_FORMS) == "Cat"
    assert cased("IPHONE", MIXED, begins=True, mixed=MIXED_FORMS) == "iPhone"
    assert cased("UNKNOWN", MIXED, begins=False, mixed=MIXED_FORMS) == "Unknown"


def test_words_without_letters_stay() -> None:
    assert cased("", CAPITAL, begins=True, mixed={}) == ""
    assert cased("23RD", CAPITAL, begins=True, mixed={}) == "23rd"
