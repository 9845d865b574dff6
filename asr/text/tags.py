"""What the tagger says about a word: the mark after it, and how its letters are written."""

from collections.abc import Mapping

MARKS = ("", ",", ".", "?")
SENTENCE_ENDS = (".", "?")
LOWER, CAPITAL, UPPER, MIXED = range(4)
CASES = ("lower", "capital", "upper", "mixed")
_FIRST_PERSON = {"i", "i'm", "i'll", "i've", "i'd"}


def case_of(word: str) -> int:
    """How a printed word is written: on, On, NATO or NATO's, McDonald. A single capital letter counts as On."""
    stem = word.removesuffix("'s")
    if word == word.lower():
        return LOWER
    if word == capital(word):
        return CAPITAL
    return UPPER if stem == stem.upper() else MIXED


def cased(word: str, case: int, *, begins: bool, mixed: Mapping[str, str]) -> str:
    """A word in a case; `begins`: it is the first of a sentence, which has a capital. `mixed`: lower-case word -> its
    form in mixed letters; a word that is not there, also without an 's, has a capital only.
    """
    lower = word.lower()
    if case == MIXED:
        stem = lower.removesuffix("'s")
        if stem in mixed:
            return mixed[stem] + lower[len(stem) :]
    if case == UPPER:
        stem = lower.removesuffix("'s")
        return stem.upper() + lower[len(stem) :]
    return lower if case == LOWER and not begins and lower not in _FIRST_PERSON else capital(lower)


def capital(word: str) -> str:
    """The first letter upper case, the others lower: I'm, Bell's."""
    return word[:1].upper() + word[1:].lower()
