"""English sentences as they are printed -> the words that a reader says, as LibriSpeech's transcripts have them.

Upper case, letters and apostrophes only; numbers and abbreviations in words, the parts of hyphenated words as separate
words. A sentence with something that can be read in more than one way, such as the numbers of a citation, is unclear
and left out: a missing sentence harms a language model less than wrong words.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from recipes.english_numbers import cardinal, ordinal, plural, roman, year

_TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Dr": "Doctor", "Mme": "Madame", "Mlle": "Mademoiselle", "Messrs": "Messieurs",
}  # fmt: skip
_ABBREVIATIONS = _TITLES | {
    "Esq": "Esquire", "Co": "Company", "Bros": "Brothers", "etc": "et cetera", "cent": "cent", "viz": "viz",
    "ft": "feet", "lbs": "pounds", "yds": "yards", "cts": "cents", "Jr": "Junior", "Sr": "Senior", "vs": "versus",
}  # fmt: skip
_BEFORE_NAMES = {
    "St": "Saint", "Prof": "Professor", "Rev": "Reverend", "Hon": "Honorable", "Capt": "Captain", "Col": "Colonel",
    "Lieut": "Lieutenant", "Gen": "General", "Sergt": "Sergeant", "Mt": "Mount",
}  # fmt: skip
_BEFORE_NUMBERS = {
    "No": "Number", "Nos": "Numbers", "no": "number", "p": "page", "pp": "pages", "vol": "volume", "Vol": "Volume",
    "chap": "chapter", "Fig": "Figure", "fig": "figure", "Figs": "Figures",
}  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SHORT_MONTHS = {month[:3]: month for month in _MONTHS} | {"Sept": "September"}
_MONTH = "|".join(_MONTHS)
_SECTIONS = "Chapter|Book|Volume|Part|Canto|Article|Appendix|Plate|Act|Scene|Section"
_MONARCHS = (
    "Alexander|Catherine|Charles|Christian|Clement|Edward|Ferdinand|Francis|Frederick|George|Gregory|Henry|Innocent|"
    "James|John|Joseph|Kamehameha|Katherine|Leo|Leopold|Lewis|Louis|Napoleon|Nicholas|Paul|Peter|Philip|Pius|Richard|"
    "William"
)
_INTEGER = r"\d{1,3}(?:,\d{3}){1,3}|\d{1,12}"
_MAGNITUDE = "hundred|thousand|million|billion|trillion"
_DAY = r"[12]?\d|3[01]"
_TYPEWRITER = str.maketrans(
    {
        **dict.fromkeys("’‘`´", "'"), **dict.fromkeys("“”", '"'), "—": "--", "–": "-", "…": "...",
        "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe",
    }
)  # fmt: skip
_PUNCTUATION = str.maketrans({mark: " " for mark in string.punctuation if mark != "'"})


class _Rule(NamedTuple):
    """`spoken` returns the words for a match; None makes the sentence unclear."""

    name: str
    pattern: re.Pattern[str]
    spoken: Callable[[re.Match[str]], str | None]


def _rule(name: str, pattern: str, spoken: Callable[[re.Match[str]], str | None]) -> _Rule:
    return _Rule(name, re.compile(pattern), spoken)


def _table(name: str, table: dict[str, str], after: str) -> _Rule:
    """Replaces the keys of `table`, followed by a match of `after`, with their values."""
    return _rule(name, rf"\b({'|'.join(table)}){after}", lambda match: table[match[1]])


def _number(match: re.Match[str]) -> str | None:
    number = int(match[0].replace(",", ""))
    if len(match[0]) == 4 and (1100 <= number < 2000 or 2010 <= number < 2100):
        return year(number)  # without a comma it is a year, or can be said like one
    return None if re.match("0.", match[0]) else cardinal(number)


def _section(match: re.Match[str]) -> str | None:
    number = roman(match[2])
    return None if number is None else f"{match[1]} {cardinal(number)}"


def _monarch(match: re.Match[str]) -> str | None:
    number = roman(match[2])
    return None if number is None else f"{match[1]} the {ordinal(number)}"


def _day(match: re.Match[str]) -> str:
    return f"{match[1]} {ordinal(int(match[2]))}"


def _unless_numeral(match: re.Match[str]) -> str | None:
    return match[0] if roman(match[0]) is None else None


def _percent(match: re.Match[str]) -> str:
    return f"{match[0].rstrip('% ')} percent"


def _dollars(match: re.Match[str]) -> str | None:
    """$2.80 -> TWO dollars and EIGHTY cents, $2.5 million -> TWO POINT FIVE million dollars."""
    whole, fraction, magnitude = match.groups()
    number = int(whole.replace(",", ""))
    if magnitude:
        return f"{cardinal(number)}{_digits(fraction)} {magnitude} dollars"
    dollars = f"{cardinal(number)} dollar{'s' * (number != 1)}"
    if fraction is None or int(fraction) == 0:
        return dollars
    cents = f"{cardinal(int(fraction))} cent{'s' * (int(fraction) != 1)}"
    return None if len(fraction) != 2 else f"{dollars} and {cents}" if number else cents


def _decimal(match: re.Match[str]) -> str:
    return f"{cardinal(int(match[1].replace(',', '')))}{_digits(match[2])}"


def _digits(fraction: str | None) -> str:
    return "".join([" POINT", *(f" {cardinal(int(digit))}" for digit in fraction)]) if fraction else ""


def _decade(match: re.Match[str]) -> str:
    """1990s -> NINETEEN NINETIES, '90s -> NINETIES."""
    tens = int(match[2])
    return plural(year(int(match[1]) * 100 + tens) if match[1] else cardinal(tens))


def _range(match: re.Match[str]) -> str | None:
    """10-15 -> 10 to 15; ranges that fall, or rise more than tenfold, are pages, scores or phone numbers."""
    low, high = int(match[1]), int(match[2])
    is_range = low < high <= 10 * low and (len(match[1]), len(match[2])) != (3, 4)
    return f"{low} to {high}" if is_range else None


def _unclear(match: re.Match[str]) -> None:
    return None


# The order matters: earlier rules need the dots, numerals and digits that later ones replace.
_RULES = (
    _rule("slash", r"(?<=[a-z]{2}) ?/ ?(?=[a-z]{2})", lambda match: " "),
    _rule("dollars", rf"\$({_INTEGER})(?:\.(\d+))?(?: ({_MAGNITUDE})\b)?(?![\d,.]*\d)", _dollars),
    _rule("percent", r"\d ?%(?!\w)", _percent),
    _rule("other character", r"[^A-Za-z0-9\s.,;:?!'\"()&-]", _unclear),
    _rule("et cetera", r"&c\b\.?", lambda match: " et cetera "),
    _rule("and", "&", lambda match: " and "),
    _table("abbreviation", _ABBREVIATIONS, r"\."),
    _table("abbreviation without dot", _TITLES, r"\b"),
    _table("title", _BEFORE_NAMES, r"\.(?= [A-Z])"),
    _table("saint without dot", {"St": "Saint"}, r"(?= [A-Z])"),
    _rule("monsieur", r"(?<![A-Z]\. )\bM\.(?= (?:de |du |d'|le |la )?[A-Z][a-z])", lambda match: "Monsieur"),
    _table("before a number", _BEFORE_NUMBERS, r"\.(?= ?\d)"),
    _table("month", _SHORT_MONTHS, r"\.(?= \d)"),
    _rule("section", rf"\b({_SECTIONS}) ([IVXLC]{{2,}}|[VX]|I(?=[.,;:)]))(?![\w'])\.?", _section),
    _rule("monarch", rf"\b({_MONARCHS}) ([IVX]{{2,}}|[VX])(?!\w)\.?", _monarch),
    _rule("other abbreviation", r"\b[A-Za-z]{2,6}\.,? [a-z0-9]", _unclear),
    _rule("world war", r"\bWorld War (I{1,2})\b", lambda match: f"World War {'One' if match[1] == 'I' else 'Two'}"),
    _rule("numeral", r"\b(?:[IVXLC]{2,}|[ivx]{2,})\b", _unless_numeral),
    _rule("decade", r"(?<!\w)(?:(1[1-9]|20)|')?(\d0)s\b", _decade),
    _rule("range", r"(?<![\w.,-])(\d{1,4}) ?- ?(\d{1,4})(?![\w-]|[.,]\d)", _range),
    _rule("decimal", rf"(?<![\w.,-])({_INTEGER})\.(\d{{1,6}})(?![\w-]|[.,]\d)", _decimal),
    _rule("footnote or range", r"[a-z][,;.]?\"?\d|\d[.-]\d|\d--(?=[.,; ]|$)", _unclear),
    _rule("day of a month", rf"\b({_MONTH}) ({_DAY})(?:st|nd|rd|th)?\b(?!,\d)", _day),
    _rule("day before a month", rf"\b({_DAY})(?= (?:{_MONTH})\b)", lambda match: ordinal(int(match[1]))),
    _rule("ordinal", rf"\b({_INTEGER})(?:st|nd|rd|th)\b", lambda match: ordinal(int(match[1].replace(",", "")))),
    _rule("number", rf"\b(?:{_INTEGER})\b(?!,\d)", _number),
    _rule("number", r"\d", _unclear),
)

# Five of six sentences are letters and commas only, and no rule can match in them: reading takes a third of the time.
_LETTERS = re.compile(r"[A-Za-z ,;:?!'\"-]*[.?!]?[\"']?")
_MAY_BE_READ_OTHERWISE = re.compile(
    rf"\b(?:{'|'.join([*_ABBREVIATIONS, 'St', 'V', 'X', 'I(?=[,;:])'])})\b|[IVXLC]{{2}}|\b[ivx]{{2,}}\b"
)


def spoken_english(sentence: str, counts: Counter[str]) -> list[str]:
    """The words of a printed sentence, none if it is unclear; `counts` counts the rules that changed it.

    `"Mr. Bell's clock--No. 12--is off," he said.` -> MISTER BELL'S CLOCK NUMBER TWELVE IS OFF HE SAID.
    """
    text = spelled_out(sentence, counts)
    return [] if text is None else words_of(text)


def spelled_out(sentence: str, counts: Counter[str]) -> str | None:
    """The sentence with its numbers and abbreviations in words, still punctuated; None if it is unclear.

    `Mr. Bell came in 1868.` -> `Mister Bell came in EIGHTEEN SIXTY EIGHT.`
    """
    if _LETTERS.fullmatch(sentence) and not _MAY_BE_READ_OTHERWISE.search(sentence):
        return sentence
    text = _plain_letters(sentence)
    for rule in _RULES:
        spoken = _apply(rule, text)
        if spoken is None:
            counts[f"unclear: {rule.name}"] += 1
            return None
        if spoken != text:
            counts[rule.name] += 1
        text = spoken
    return text


def words_of(text: str) -> list[str]:
    """The words of a sentence that is spelled out: upper case, without punctuation."""
    words = (word.strip("'") for word in text.upper().translate(_PUNCTUATION).split())
    return [word for word in words if word]


def _plain_letters(text: str) -> str:
    """Accents and ligatures as plain letters, quotes and dashes as those of a typewriter."""
    if text.isascii():
        return text.replace("`", "'")
    letters = unicodedata.normalize("NFKD", text.translate(_TYPEWRITER))
    return "".join(character for character in letters if not unicodedata.combining(character))


def _apply(rule: _Rule, text: str) -> str | None:
    """The text with each match replaced by its spoken form; None if one is unclear."""
    pieces, end = [], 0
    for match in rule.pattern.finditer(text):
        spoken = rule.spoken(match)
        if spoken is None:
            return None
        pieces += [text[end : match.start()], spoken]
        end = match.end()
    return "".join([*pieces, text[end:]])
