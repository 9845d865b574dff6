"""Printed English -> the words that are said: expectations by hand, most sentences from the books themselves."""

import string
from collections import Counter
from pathlib import Path

import pytest

from recipes.english_numbers import cardinal, ordinal, roman, year
from recipes.english_text import spoken_english


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("\"Mr. Bell's clock--No. 12--is off,\" he said.", "MISTER BELL'S CLOCK NUMBER TWELVE IS OFF HE SAID"),
        ("Give ’er time, and ‘don’t’ fret!", "GIVE ER TIME AND DON'T FRET"),
        ("To-morrow an' th' day after--", "TO MORROW AN TH DAY AFTER"),
        ("Mrs. Dr. dear, said Mrs Eaton", "MISSUS DOCTOR DEAR SAID MISSUS EATON"),
        ("M. d’Aiglemont and Mme. de Serizy", "MONSIEUR D'AIGLEMONT AND MADAME DE SERIZY"),
        ("the M. P., O. M. Stricklin and M. C.", "THE M P O M STRICKLIN AND M C"),
        ("St. Paul's, on Mont St Jean", "SAINT PAUL'S ON MONT SAINT JEAN"),
        ("Capt. Hutton met Prof. Loomis, the Rev. John Coles and Gen. Lee.",
         "CAPTAIN HUTTON MET PROFESSOR LOOMIS THE REVEREND JOHN COLES AND GENERAL LEE"),
        ("H. E. Bucklen & Co., of Chicago", "H E BUCKLEN AND COMPANY OF CHICAGO"),
        ("pelicans, &c. Then herons, etc. were seen", "PELICANS ET CETERA THEN HERONS ET CETERA WERE SEEN"),
        ("Ællen’s vis-à-vis, the naïve Œnone", "AELLEN'S VIS A VIS THE NAIVE OENONE"),
        ("five per cent. seems too much", "FIVE PER CENT SEEMS TOO MUCH"),
        ("No. I won't.", "NO I WON'T"),
    ],
)  # fmt: skip
def test_spelling_and_abbreviations(printed: str, said: str) -> None:
    assert " ".join(spoken_english(printed, Counter())) == said


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("August 27, 1868.", "AUGUST TWENTY SEVENTH EIGHTEEN SIXTY EIGHT"),
        ("on the 8th of May, 1819, and 2 April", "ON THE EIGHTH OF MAY EIGHTEEN NINETEEN AND SECOND APRIL"),
        ("Feb. 12 and May 1908", "FEBRUARY TWELFTH AND MAY NINETEEN O EIGHT"),
        ("by March 45 men", "BY MARCH FORTY FIVE MEN"),
        ("the winter of 1875 and '76", "THE WINTER OF EIGHTEEN SEVENTY FIVE AND SEVENTY SIX"),
        ("73,000 died, or 1,000 per diem", "SEVENTY THREE THOUSAND DIED OR ONE THOUSAND PER DIEM"),
        ("The 42nd and 101st of 500 at 5 p.m.", "THE FORTY SECOND AND ONE HUNDRED FIRST OF FIVE HUNDRED AT FIVE P M"),
        ("the 500th (p. 36) in GK-18", "THE FIVE HUNDREDTH PAGE THIRTY SIX IN GK EIGHTEEN"),
        ("under Louis XIV. of France", "UNDER LOUIS THE FOURTEENTH OF FRANCE"),
        ("Charles II.'s; Henry VIII., stiff", "CHARLES THE SECOND'S HENRY THE EIGHTH STIFF"),
        ("(See Chapter III) Appendix I., p. 117", "SEE CHAPTER THREE APPENDIX ONE PAGE ONE HUNDRED SEVENTEEN"),
        ("the Part I played", "THE PART I PLAYED"),
        ("Mr. V. and CIVIL X", "MISTER V AND CIVIL X"),
        ("13% of $400, or 5.5 %", "THIRTEEN PERCENT OF FOUR HUNDRED DOLLARS OR FIVE POINT FIVE PERCENT"),
        ("$2.80 and $1, then $0.05", "TWO DOLLARS AND EIGHTY CENTS AND ONE DOLLAR THEN FIVE CENTS"),
        ("$1,250 of $2.2 trillion.", "ONE THOUSAND TWO HUNDRED FIFTY DOLLARS OF TWO POINT TWO TRILLION DOLLARS"),
        ("in 2008, 2010 and 2021", "IN TWO THOUSAND EIGHT TWENTY TEN AND TWENTY TWENTY ONE"),
        ("the mid-1800s, 1990s and '90s", "THE MID EIGHTEEN HUNDREDS NINETEEN NINETIES AND NINETIES"),
        ("the 2000s, the 1910s", "THE TWO THOUSANDS THE NINETEEN TENS"),
        ("10-15 years, 1914-1918", "TEN TO FIFTEEN YEARS NINETEEN FOURTEEN TO NINETEEN EIGHTEEN"),
        ("during World War II and World War I, and", "DURING WORLD WAR TWO AND WORLD WAR ONE AND"),
        (
            "the quality/service and/or Ken Griffey Jr. vs. him",
            "THE QUALITY SERVICE AND OR KEN GRIFFEY JUNIOR VERSUS HIM",
        ),
    ],
)
def test_numbers(printed: str, said: str) -> None:
    assert " ".join(spoken_english(printed, Counter())) == said


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ("(Vol. x. p. 177.)", "unclear: other abbreviation"),
        ("HOR., Ars Poet. 1.", "unclear: other abbreviation"),
        ("In All the Year Round , 8-254, is described", "unclear: range"),
        ("may have meant sheep,7 it is found", "unclear: footnote or range"),
        ("the autumn of the years 18-- and after", "unclear: footnote or range"),
        ("by sunrise on the 23d of May", "unclear: number"),
        ("No. 007", "unclear: number"),
        ("9" * 5000, "unclear: number"),
        ("1,000,000,000,000 stars", "unclear: number"),
        ("sake iv your mother", "unclear: numeral"),
        ("the Emperor Rudolph II.", "unclear: numeral"),
        ("[Note: a village]", "unclear: other character"),
        ("at $400/night", "unclear: other character"),
        ("a rise of $3.999 each", "unclear: dollars"),
        ("call 555-1234 now", "unclear: range"),
        ("version 1.2.3 of it", "unclear: footnote or range"),
        ("soupe Ã l'onion £5", "unclear: other character"),
    ],
)
def test_a_sentence_that_is_unclear_is_left_out_and_counted(printed: str, why: str) -> None:
    counts: Counter[str] = Counter()
    assert spoken_english(printed, counts) == []
    assert {name for name in counts if name.startswith("unclear")} == {why}


def test_each_rule_that_touched_a_sentence_is_counted_once() -> None:
    counts: Counter[str] = Counter()
    for sentence in ("Mr. and Mrs. Hale", "at 3 or 4", "nothing here"):
        spoken_english(sentence, counts)
    assert counts == {"abbreviation": 1, "number": 1}


def test_number_words() -> None:
    said = {0: "ZERO", 13: "THIRTEEN", 40: "FORTY", 99: "NINETY NINE", 215: "TWO HUNDRED FIFTEEN", 1000: "ONE THOUSAND"}
    assert {number: cardinal(number) for number in said} == said
    assert cardinal(2_000_034) == "TWO MILLION THIRTY FOUR"
    assert cardinal(123_456_789_012).startswith("ONE HUNDRED TWENTY THREE BILLION FOUR HUNDRED FIFTY SIX MILLION")
    ordinals = {1: "FIRST", 12: "TWELFTH", 20: "TWENTIETH", 33: "THIRTY THIRD", 100: "ONE HUNDREDTH", 9: "NINTH"}
    assert {number: ordinal(number) for number in ordinals} == ordinals
    years = {1066: "TEN SIXTY SIX", 1800: "EIGHTEEN HUNDRED", 1803: "EIGHTEEN O THREE", 1000: "ONE THOUSAND"}
    assert {number: year(number) for number in years} == years


def test_roman_numerals() -> None:
    numerals = ["I", "iv", "IX", "XIV", "XL", "XCIX", "CXC", "CCCLXXXVIII"]
    assert [roman(numeral) for numeral in numerals] == [1, 4, 9, 14, 40, 99, 190, 388]
    assert [roman(word) for word in ("", "IIII", "VX", "CIVIL", "IC", "MIX", "lil")] == [None] * 7


def test_real_sentences_come_out_as_words(real_data: Path) -> None:
    """The first lines of the books: plain words only, and hardly anything left out."""
    import lzma

    counts: Counter[str] = Counter()
    with lzma.open(real_data / "text" / "sentences.txt.xz", "rt", encoding="utf-8") as file:
        sentences = [spoken_english(line, counts) for line, _ in zip(file, range(5000), strict=False)]
    assert sum(1 for words in sentences if not words) < 100
    words = [word for sentence in sentences for word in sentence]
    assert set("".join(words)) <= set(string.ascii_uppercase + "'")
    assert not any(word.startswith("'") or word.endswith("'") for word in words)
    assert {"MR", "MRS", "DR", "ETC"}.isdisjoint(words)
