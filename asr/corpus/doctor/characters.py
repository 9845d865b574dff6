"""Rare characters: in how many texts each occurs, and which of them are out of place."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

from asr.messages import named

_RARE_GROUP = 50  # a group of characters is rare if fewer than one in this many texts has it
_RARE_CHARACTER = 10_000  # and a single character if fewer than one in this many has it
_MAX_SHOWN = 5


def rare_characters(characters: Counter[str], groups: Counter[str], num_texts: int) -> dict[str, int]:
    """Characters that are out of place among the others, with the number of texts that have them, rarest first.

    `characters` and `groups` count the texts that have each. A group of characters is out of place if fewer than one in
    50 texts has it: small letters among capitals, Cyrillic among Latin, one punctuation mark, the digits; and any
    character that fewer than one in 10,000 has. Texts are counted, not letters: a text in small letters has dozens of
    them, and a number many digits.
    """
    rare = [
        (count, character)
        for character, count in characters.items()
        if groups[group(character)] * _RARE_GROUP < num_texts or count * _RARE_CHARACTER < num_texts
    ]
    return {character: count for count, character in sorted(rare)}


@cache
def group(character: str) -> str:
    """Letters and marks by case and script (the start of a Unicode name), digits together, all others alone."""
    category = unicodedata.category(character)
    if category[0] in "LM":
        return f"{category} {script(character)}"
    return "digits" if category[0] == "N" else character


@cache
def script(character: str) -> str:
    """The script of a letter: LATIN, CYRILLIC."""
    return unicodedata.name(character, "").split(" ")[0]


def character_name(character: str) -> str:
    """A character with its code point and the name that Unicode gives it."""
    return f"{character!r} (U+{ord(character):04X} {unicodedata.name(character, 'without a name')})"


def listed(characters: Iterable[str]) -> str:
    """The names of the first ones, and how many more there are."""
    return named(list(map(character_name, characters)), most=_MAX_SHOWN)
