"""Checks of one utterance's text, and what makes a character or a speaking rate suspicious among all."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
import numpy.typing as npt

from asr.corpus.checks.findings import Finding, Kind
from asr.corpus.manifest import Utterance

_RARE_GROUP = 50  # a group of characters is rare if there is less than one of them in so many utterances
_RARE_CHARACTER = 10_000  # and a single character if less than one in so many
_MOST_DEVIATIONS = 6  # of the logarithm of the speaking rate from the median, in robust standard deviations
_LEAST_DEVIATION = 0.2  # of people who speak alike, in natural-log units
_MAX_SHOWN = 5


def cleaned(text: str) -> str:
    """The text in Unicode's normal form NFC, with one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def check_text(utterance: Utterance, alphabet: frozenset[str] | None, rare: Mapping[str, int]) -> Iterator[Finding]:
    """What is wrong with a text by itself. `rare` are the characters of `rare_characters`, with their counts."""
    text = utterance.text
    clean = cleaned(text)
    found = []
    if not clean:
        found.append((Kind.EMPTY_TEXT, "the text is empty"))
    elif text != clean:
        if not unicodedata.is_normalized("NFC", text):
            found.append((Kind.UNICODE_FORM, _unicode_form(text)))
        if text.split(" ") != text.split():
            found.append((Kind.WHITE_SPACE, _white_space(text)))
    if alphabet is not None and not alphabet.issuperset(clean):
        found.append((Kind.OUTSIDE_ALPHABET, _listed([c for c in dict.fromkeys(clean) if c not in alphabet])))
    elif not rare.keys().isdisjoint(clean):
        counted = [f"{character_name(c)}, {rare[c]} in all" for c in dict.fromkeys(clean) if c in rare]
        found.append((Kind.RARE_CHARACTER, "; ".join(counted[:_MAX_SHOWN])))
    return (Finding(kind, utterance.id, utterance.line, detail) for kind, detail in found)


def rare_characters(counts: Counter[str], num_utterances: int) -> dict[str, int]:
    """Characters that are out of place among the others, with their counts, rarest first.

    Out of place is a group of characters of which there is less than one in 50 utterances: small letters among
    capitals, Cyrillic among Latin, one sign of punctuation, the digits; and any character that is as rare as to stand
    in less than one of 10,000.
    """
    groups: Counter[str] = Counter()
    for character, count in counts.items():
        groups[_group(character)] += count
    rare = [
        (count, character)
        for character, count in counts.items()
        if groups[_group(character)] * _RARE_GROUP < num_utterances or count * _RARE_CHARACTER < num_utterances
    ]
    return {character: count for count, character in sorted(rare)}


def speaking_rate_outliers(
    lengths: npt.NDArray[np.int32], durations: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bool_], float]:
    """Which utterances have far more or fewer characters a second than the others, and the median of that rate.

    Far is by the median and the median absolute deviation of the logarithm, which the outliers themselves do not move.
    """
    spoken = (lengths > 0) & (durations > 0)
    if not spoken.any():
        return spoken, 0.0
    logarithms = np.log(lengths[spoken] / durations[spoken])
    median = float(np.median(logarithms))
    deviations = np.abs(logarithms - median)
    limit = _MOST_DEVIATIONS * max(_LEAST_DEVIATION, 1.4826 * float(np.median(deviations)))
    outliers = np.zeros(len(lengths), dtype=np.bool_)
    outliers[spoken] = deviations > limit
    return outliers, float(np.exp(median))


def character_name(character: str) -> str:
    """A character with its code point and the name that Unicode gives it."""
    return f"{character!r} (U+{ord(character):04X} {unicodedata.name(character, 'without a name')})"


@cache
def _group(character: str) -> str:
    """Letters and marks go by script and case, digits together, all else alone. Unicode's names start with scripts."""
    category = unicodedata.category(character)
    if category[0] in "LM":
        return f"{category} {unicodedata.name(character, '').split(' ')[0]}"
    return "digits" if category[0] == "N" else character


def _unicode_form(text: str) -> str:
    changed = list(Counter(text) - Counter(unicodedata.normalize("NFC", text)))
    what = f"which has no {_listed(changed)} here" if changed else "which has the marks in another order"
    return f"not in the normal form NFC, {what}"


def _white_space(text: str) -> str:
    odd = [c for c in dict.fromkeys(text) if c.isspace() and c != " "]
    return f"holds {_listed(odd)}" if odd else "spaces at an end, or more than one in a row"


def _listed(characters: list[str]) -> str:
    more = f" and {len(characters) - _MAX_SHOWN} more" if len(characters) > _MAX_SHOWN else ""
    return ", ".join(map(character_name, characters[:_MAX_SHOWN])) + more
