"""Written text -> spoken words, as far as possible without knowing the language."""

import unicodedata

_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ`´", "'"))
_JOINERS = "\u200c\u200d"  # part of words in Persian and in Indian scripts


def spoken_words(text: str) -> str:
    """Lower case, no punctuation, single spaces: `“Don’t,” she said` -> `don't she said`. Digits stay digits."""
    text = unicodedata.normalize("NFC", text).lower().translate(_APOSTROPHES)
    words = (word.strip("'" + _JOINERS) for word in "".join(_kept(character) for character in text).split())
    return " ".join(word for word in words if word)


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LMN" or character in "'" + _JOINERS:
        return character
    return "" if category == "Cf" else " "  # invisible characters, such as a soft hyphen, do not separate words
