"""Text -> graphemes: what readers take for one character, such as a letter with its accents or vowel signs.

Extended grapheme clusters of Unicode 15.1, "Text segmentation" (UAX 29), rules GB3 to GB13. The properties of
characters come from `unicodedata`, so those of very new characters are as Python knows them.
"""

import re
import unicodedata
from functools import lru_cache

UNICODE_VERSION = "15.1"  # of the rules: before it, GB9c (consonants joined by a virama) was not one of them

# UAX 29 lists these besides the marks without a width of their own (Mn, Me).
_OTHER_EXTEND = frozenset(
    "\u09be\u09d7\u0b3e\u0b57\u0bbe\u0bd7\u0cc0\u0cc2\u0cc7\u0cc8\u0cca\u0ccb\u0cd5\u0cd6\u0d3e\u0d57\u0dcf\u0ddf\u1b35"
    "\u200c\u200d\u302e\u302f\uff9e\uff9f\U0001133e\U00011357\U000114b0\U000114bd\U000115af\U00011930"
)
_OTHER_SPACING = frozenset("\u0e33\u0eb3")
_NOT_SPACING = re.compile(
    "[\u102b\u102c\u1038\u1062-\u1064\u1067-\u106d\u1083\u1087-\u108c\u108f\u109a-\u109c\u1a61\u1a63\u1a64\uaa7b\uaa7d]"
)
_PREPEND = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd]")
_PICTOGRAPH = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001f0ff\U0001f10d-\U0001f1e5\U0001f201-\U0001f3fa\U0001f400-\U0001faff]"
)
_MODIFIER_OR_TAG = re.compile("[\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
# Devanagari, Bengali, Gujarati, Oriya, Telugu, Malayalam: consonants, and the sign that joins two of them.
_CONSONANT = re.compile(
    "[\u0915-\u0939\u0958-\u095f\u0978-\u097f\u0995-\u09a8\u09aa-\u09b0\u09b2\u09b6-\u09b9\u09dc\u09dd\u09df\u09f0\u09f1"
    "\u0a95-\u0aa8\u0aaa-\u0ab0\u0ab2\u0ab3\u0ab5-\u0ab9\u0af9\u0b15-\u0b28\u0b2a-\u0b30\u0b32\u0b33\u0b35-\u0b39\u0b5c\u0b5d\u0b5f\u0b71"
    "\u0c15-\u0c28\u0c2a-\u0c39\u0c58-\u0c5a\u0d15-\u0d3a]"
)
_VIRAMA = frozenset("\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d")
_JOINER, _FIRST_COMBINING = "\u200d", "\u0300"
_HANGUL = {
    "L": (("\u1100", "\u115f"), ("\ua960", "\ua97c")),
    "V": (("\u1160", "\u11a7"), ("\ud7b0", "\ud7c6")),
    "T": (("\u11a8", "\u11ff"), ("\ud7cb", "\ud7fb")),
}
_HANGUL_JOINS = {"L": ("L", "V", "LV", "LVT"), "LV": ("V", "T"), "V": ("V", "T"), "LVT": ("T",), "T": ("T",)}


def graphemes(text: str) -> list[str]:
    """The graphemes of a text, in order; joined they are the text."""
    if "\r" not in text and (text.isascii() or max(text) < _FIRST_COMBINING):
        return list(text)
    found: list[str] = []
    for character in text:
        if found and _belongs_to(found[-1], character):
            found[-1] += character
        else:
            found.append(character)
    return found


def _belongs_to(before: str, character: str) -> bool:
    """Whether no grapheme ends between what is there of one and the character that follows."""
    last, kind = before[-1], _kind(character)
    if "control" in (kind, _kind(last)):
        return before + character == "\r\n"
    if kind in ("extend", "spacing") or _kind(last) == "prepend":
        return True
    if kind in ("regional", "pictograph"):  # flags are pairs; pictures are joined by a character of their own
        return _kind(before[0]) == kind and (last == _JOINER if kind == "pictograph" else len(before) == 1)
    if _CONSONANT.match(character):
        return _ends_in_joined_consonant(before)
    return _hangul(character) in _HANGUL_JOINS.get(_hangul(last), ())


def _ends_in_joined_consonant(before: str) -> bool:
    """Whether a consonant stands at the end, with nothing behind it but marks, one of which joins it to the next."""
    marks = before.rstrip("".join(character for character in before if _kind(character) == "extend"))
    return bool(marks) and bool(_CONSONANT.match(marks[-1])) and not _VIRAMA.isdisjoint(before[len(marks) :])


@lru_cache(maxsize=1 << 16)
def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Mn", "Me") or character in _OTHER_EXTEND or _MODIFIER_OR_TAG.match(character):
        return "extend"
    if _PREPEND.match(character):
        return "prepend"
    if character in _OTHER_SPACING or (category == "Mc" and not _NOT_SPACING.match(character)):
        return "spacing"
    if category in ("Cc", "Cf", "Zl", "Zp", "Cs"):
        return "control"
    if "\U0001f1e6" <= character <= "\U0001f1ff":
        return "regional"
    return "pictograph" if _PICTOGRAPH.match(character) else ""


def _hangul(character: str) -> str:
    """The kind of a Hangul letter or syllable: L (leading), V (vowel), T (trailing), LV, LVT; empty for others."""
    if "\uac00" <= character <= "\ud7a3":
        return "LV" if (ord(character) - 0xAC00) % 28 == 0 else "LVT"
    return next((kind for kind, pairs in _HANGUL.items() if any(a <= character <= b for a, b in pairs)), "")
