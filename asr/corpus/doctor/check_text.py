"""Checks of one utterance's text, by itself and against what is usual in the corpus."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from asr.corpus.doctor.characters import character_name, group, listed, script
from asr.corpus.doctor.findings import Finding, Kind
from asr.corpus.manifest import Utterance

_MOST_UNUSUAL = 0.02  # of the texts: a case this rare is reported where the others have both cases
_LEAST_WORDS = 4  # for a text to count as title case: names are, too
_LEAST_REPEATED = 8  # words, of which at most a quarter are different
_MAX_SHOWN = 5
_ALIKE_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK"})  # with letters that look the same
_JOINERS = "\u200c\u200d"  # letters of Persian and of Indian scripts take other forms beside them
_MARKUP = re.compile(r"<[^<>]*>|&#?\w+;|\[[^\[\]]*\]|\{[^{}]*\}|\\[nrtu\"]")
_MARKUP_STARTS = frozenset("<&[{\\")
_NOT_SAID = frozenset({"null", "nan", "n/a", "#n/a", "undefined", "todo", "tbd", "unk", "inaudible", "unintelligible"})


class Case(IntEnum):
    """How a text uses the two cases of letters."""

    NONE = 0
    CAPITALS = 1
    SMALL = 2
    TITLE = 3
    BOTH = 4

    def __str__(self) -> str:
        return ("without cases", "capitals", "small letters", "title case", "capitals and small letters")[self]


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual in a corpus: the `alphabet` of a model, if there is one; characters that are `rare`, with the
    number of texts that have them; the case of its letters, and the other cases that give a finding (`told`)."""

    alphabet: frozenset[str] | None
    rare: Mapping[str, int]
    case: Case
    told: frozenset[Case]


def cleaned(text: str) -> str:
    """The text in Unicode's normal form NFC, with one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def case_of(text: str) -> Case:
    """Which case a clean text is written in."""
    if text.isupper():
        return Case.CAPITALS
    if text.islower():
        return Case.SMALL
    words = text.split(" ")
    if text.upper() == text.lower():
        return Case.NONE
    titled = len(words) >= _LEAST_WORDS and all(word[0].isupper() or not word[0].isalpha() for word in words)
    return Case.TITLE if titled else Case.BOTH


def usual_case(counts: Mapping[Case, int]) -> tuple[Case, frozenset[Case]]:
    """The case that most texts have, and which others are worth a finding.

    Where texts are all capitals, or all small, any other case is a fault. Where they have both, as sentences do, short
    texts can have any case, so only rare exceptions are faults.
    """
    cased = {case: count for case, count in counts.items() if case is not Case.NONE and count}
    if not cased:
        return Case.NONE, frozenset()
    usual = max(cased, key=lambda case: (cased[case], case))
    most = _MOST_UNUSUAL * sum(cased.values()) if usual in (Case.BOTH, Case.TITLE) else float("inf")
    return usual, frozenset(case for case, count in cased.items() if case is not usual and count < most)


def check_text(utterance: Utterance, usual: Usual) -> Iterator[Finding]:
    """What is wrong with a text."""
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
    found += flaws(clean, utterance.id)
    if usual.alphabet is not None and not usual.alphabet.issuperset(clean):
        found.append((Kind.OUTSIDE_ALPHABET, listed(c for c in dict.fromkeys(clean) if c not in usual.alphabet)))
    else:
        found += _unusual(clean, usual)
    return (Finding(kind, utterance.id, utterance.line, detail) for kind, detail in found)


def _unusual(clean: str, usual: Usual) -> Iterator[tuple[Kind, str]]:
    case = case_of(clean)
    other_case = case in usual.told and (usual.case is not Case.BOTH or clean.count(" ") + 1 >= _LEAST_WORDS)
    if other_case:
        yield Kind.OTHER_CASE, f"in {case}, most are in {usual.case}"
    rare = [c for c in dict.fromkeys(clean) if c in usual.rare and not (other_case and c.swapcase() != c)]
    if rare:
        counted = [f"{character_name(c)}, in {usual.rare[c]} of all texts" for c in rare[:_MAX_SHOWN]]
        yield Kind.RARE_CHARACTER, "; ".join(counted)


def flaws(clean: str, id: str) -> list[tuple[Kind, str]]:
    """What is wrong with a clean text, whatever the others are."""
    return [] if looks_fine(clean, frozenset(map(group, clean)), id) else list(_flaws(clean, id))


def looks_fine(clean: str, groups: frozenset[str], id: str) -> bool:
    """Whether a clean text with these groups of characters certainly has no flaw; fast, for a million texts."""
    if _may_be_odd(groups) or clean == id or (len(clean) < 20 and clean.casefold() in _NOT_SAID):
        return False
    if not clean.isascii() and _broken(clean):
        return False
    return clean.count(" ") + 1 < _LEAST_REPEATED or not _repeats(clean)


@cache
def _may_be_odd(groups: frozenset[str]) -> bool:
    letters = [name.split(" ")[1] for name in groups if name[:1] == "L" and " " in name]
    return (
        not _MARKUP_STARTS.isdisjoint(groups)
        or len(_ALIKE_SCRIPTS.intersection(letters)) > 1
        or any(len(name) == 1 and unicodedata.category(name)[0] == "C" for name in groups)
        or not any(name == "digits" or len(name) > 1 for name in groups)
    )


def _flaws(clean: str, id: str) -> Iterator[tuple[Kind, str]]:
    if broken := _broken(clean):
        yield Kind.BROKEN_CHARACTERS, broken
    if marks := _MARKUP.findall(clean):
        yield Kind.MARKUP, "holds " + ", ".join(map(repr, dict.fromkeys(marks[:_MAX_SHOWN])))
    hidden = [c for c in dict.fromkeys(clean) if unicodedata.category(c)[0] == "C" and c not in _JOINERS]
    if hidden:
        yield Kind.INVISIBLE, f"holds {listed(hidden)}"
    for word in clean.split():
        scripts = dict.fromkeys(script(c) for c in word if c.isalpha())
        if len(_ALIKE_SCRIPTS.intersection(scripts)) > 1:
            yield Kind.MIXED_SCRIPTS, f"the word {word!r} has letters of {' and '.join(scripts)}"
            break
    if clean == id or clean.casefold() in _NOT_SAID or (clean and not any(c.isalnum() for c in clean)):
        yield Kind.NOT_SPEECH, f"{clean!r:.80}, which nobody has said"
    if _repeats(clean):
        yield Kind.REPETITION, f"{len(clean.split())} words, of which {len(set(clean.split()))} differ"


def _broken(clean: str) -> str:
    """UTF-8 that was decoded wrongly can be decoded again; hardly any other text can, by chance."""
    if "\ufffd" in clean:
        return f"holds {character_name(chr(0xFFFD))}: letters were lost on the way"
    for encoding in ("cp1252", "latin-1"):
        try:
            right = clean.encode(encoding).decode()
        except UnicodeError:
            continue
        if right != clean:
            return f"was UTF-8 and read as {encoding}: {right!r:.80}"
    return ""


def _repeats(clean: str) -> bool:
    words = clean.split(" ")
    return len(words) >= _LEAST_REPEATED and 4 * len(set(words)) <= len(words)


def _unicode_form(text: str) -> str:
    changed = list(Counter(text) - Counter(unicodedata.normalize("NFC", text)))
    what = f"which has no {listed(changed)} here" if changed else "which has the marks in another order"
    return f"not in the normal form NFC, {what}"


def _white_space(text: str) -> str:
    odd = [c for c in dict.fromkeys(text) if c.isspace() and c != " "]
    return f"holds {listed(odd)}" if odd else "spaces at an end, or more than one in a row"
