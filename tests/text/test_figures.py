"""Number words -> figures, against the number words that recipes write."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.text.figures import figures_of, with_figures
from asr.transcript import Segment, Transcript, Word
from recipes.english_numbers import cardinal, ordinal, plural, year

WORDS = [
    "a", "and", "one", "two", "nine", "ten", "twenty", "thirty", "hundred", "thousand", "million", "o", "point",
    "first",
]  # fmt: skip


def figures(text: str) -> str:
    return " ".join(filter(None, figures_of(text.split())))


def grouped(number: int) -> str:
    """Commas from the right, by hand."""
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", str(number)) if number >= 10_000 else str(number)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.integers(10, 10**12 - 1), st.integers(10, 99_999)))
def test_cardinals_come_back(number: int) -> None:
    assert figures(f"THE {cardinal(number)} MEN.") == f"THE {grouped(number)} MEN."


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.integers(10, 10**12 - 1), st.integers(10, 99_999)))
def test_ordinals_come_back(number: int) -> None:
    ending = "th" if number // 10 % 10 == 1 else ["th", "st", "nd", "rd", *["th"] * 6][number % 10]
    assert figures(f"the {ordinal(number).lower()} time") == f"the {grouped(number)}{ending} time"


@pytest.mark.parametrize("number", [*range(1100, 2100, 7), 1900, 1905, 2000, 2005, 2010, 2020, 2099])
def test_years_come_back(number: int) -> None:
    assert figures(f"IN {year(number)}, TOO") == f"IN {number}, TOO"


@pytest.mark.parametrize("decade", [1920, 1990, 1810])
def test_decades_come_back(decade: int) -> None:
    assert figures(f"the {plural(year(decade)).lower()}.") == f"the {decade}s."


@pytest.mark.parametrize("number", range(10))
def test_below_ten_words_stay(number: int) -> None:
    for text in (cardinal(number), ordinal(number), f"{cardinal(number)}."):
        assert figures(f"no {text}") == f"no {text}"


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("one of the two", "one of the two"),
        ("no one, two", "no one, two"),
        ("a hundred men", "a hundred men"),
        ("a hundred and fifty men", "150 men"),
        ("a thousand two hundred", "1200"),
        ("two hundred and five", "205"),
        ("two hundred and they", "200 and they"),
        ("twenty, three", "20, three"),
        ("Twenty three? Yes", "23? Yes"),
        ("five five five one two", "55512"),
        ("one two", "one two"),
        ("nineteen oh three", "1903"),
        ("three point one four.", "3.14."),
        ("the point five", "the point five"),
        ("ten twenty", "10 20"),
        ("twenty first century", "21st century"),
        ("the second world war", "the second world war"),
        ("two and twenty", "two and 20"),
        ("fifty sixty", "50 60"),
        ("eighteen hundreds", "1800s"),
        ("two million", "2,000,000"),
        ("hundreds of thousands", "hundreds of thousands"),
        ("hundred", "hundred"),
        ("thousand and one", "thousand and one"),
        ("", ""),
    ],
)
def test_said_and_printed(said: str, printed: str) -> None:
    assert figures(said) == printed


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS)))
def test_each_word_is_written_once(words: list[str]) -> None:
    found = figures_of(words)
    assert len(found) == len(words)
    assert not found or found[0] != ""
    assert figures_of([word for word in found if word]) == [word for word in found if word]


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("one one one one hundred", "111 100"),
        ("one one one hundred", "one one 100"),
        ("five five one two billion", "551 2,000,000,000"),
    ],
)
def test_the_last_of_a_row_of_digits_may_begin_the_next_number(said: str, printed: str) -> None:
    assert figures(said) == printed


def test_figures_stand_with_the_first_of_their_words() -> None:
    told = [("ABOUT", "About"), ("TWENTY", "twenty"), ("THREE", "three,"), ("MEN", None), ("TWENTY", None)]
    words = [Word(text, float(at), at + 0.5, 0.9 - at / 10, new) for at, (text, new) in enumerate(told)]
    after = Word("THREE", 5.0, 5.5, 0.9)
    found = with_figures(Transcript((Segment(tuple(words)), Segment((after,))), 6.0, -1.0))
    assert [(word.text, word.written) for word in found.words] == [
        ("ABOUT", "About"), ("TWENTY", "23,"), ("THREE", ""), ("MEN", "MEN"), ("TWENTY", "20"), ("THREE", "THREE"),
    ]  # fmt: skip
    assert found.text == "ABOUT TWENTY THREE MEN TWENTY THREE"
    printed = found.printed()
    assert [segment.text for segment in printed.segments] == ["About 23, MEN 20", "THREE"]
    number = printed.words[1]
    assert (number.start, number.end, number.confidence) == (1.0, 2.5, pytest.approx(0.7))
