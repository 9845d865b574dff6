"""English number words, upper case, as LibriSpeech's transcripts have them: TWO HUNDRED FIFTEEN, EIGHTEEN O THREE."""

import re

_ONES = [
    "ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "TEN", "ELEVEN", "TWELVE",
    "THIRTEEN", "FOURTEEN", "FIFTEEN", "SIXTEEN", "SEVENTEEN", "EIGHTEEN", "NINETEEN",
]  # fmt: skip
_TENS = ["TWENTY", "THIRTY", "FORTY", "FIFTY", "SIXTY", "SEVENTY", "EIGHTY", "NINETY"]
_GROUPS = ((10**9, "BILLION"), (10**6, "MILLION"), (1000, "THOUSAND"), (100, "HUNDRED"))
_ORDINALS = {
    "ONE": "FIRST", "TWO": "SECOND", "THREE": "THIRD", "FIVE": "FIFTH", "EIGHT": "EIGHTH", "NINE": "NINTH",
    "TWELVE": "TWELFTH",
}  # fmt: skip
_ROMAN = re.compile(r"(?=.)(C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def cardinal(number: int) -> str:
    """215 -> TWO HUNDRED FIFTEEN; from 0 to less than a thousand billion."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10 - 2] + (f" {_ONES[number % 10]}" if number % 10 else "")
    value, name = next(group for group in _GROUPS if number >= group[0])
    rest = f" {cardinal(number % value)}" if number % value else ""
    return f"{cardinal(number // value)} {name}{rest}"


def ordinal(number: int) -> str:
    """27 -> TWENTY SEVENTH."""
    *before, last = cardinal(number).split()
    regular = last[:-1] + "IETH" if last.endswith("Y") else last + "TH"
    return " ".join([*before, _ORDINALS.get(last, regular)])


def year(number: int) -> str:
    """From 1000 to 2099: 1868 -> EIGHTEEN SIXTY EIGHT, 1803 -> EIGHTEEN O THREE, 1800 -> EIGHTEEN HUNDRED,
    2008 -> TWO THOUSAND EIGHT."""
    century, rest = divmod(number, 100)
    if century == 20 and rest < 10:
        return cardinal(number)
    if rest == 0:
        return cardinal(number) if century == 10 else f"{cardinal(century)} HUNDRED"
    return f"{cardinal(century)} {'O ' if rest < 10 else ''}{cardinal(rest)}"


def plural(words: str) -> str:
    """NINETEEN NINETY -> NINETEEN NINETIES, NINETEEN TEN -> NINETEEN TENS."""
    return words[:-1] + "IES" if words.endswith("Y") else words + "S"


def roman(numeral: str) -> int | None:
    """XIV or xiv -> 14; below 400. None for an invalid numeral, such as VX or IIII."""
    if not _ROMAN.fullmatch(numeral.upper()):
        return None
    values = [_ROMAN_VALUES[letter] for letter in numeral.upper()]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))
