"""Number words -> figures, by rule: TWENTY THREE -> 23, EIGHTEEN SIXTY EIGHT -> 1868, TWENTY SEVENTH -> 27th.

As in print, numbers below ten stay words (two, first), also "a hundred", and each number ends where a mark stands. Read
are cardinals and ordinals below a trillion, years from 1100 to 2099 (NINETEEN O THREE, TWENTY TWENTY), decades
(NINETEEN NINETIES -> 1990s), decimals (THREE POINT ONE FOUR), and three or more single digits in a row (FIVE FIVE ONE
-> 551). From 10,000 on there are commas.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from asr.text.tags import MARKS
from asr.transcript import Segment, Transcript, Word

_ONES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SMALL = _ONES | _TENS
_GROUPS = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_ORDINALS = (
    {"first": "one", "second": "two", "third": "three", "fifth": "five", "eighth": "eight", "ninth": "nine"}
    | {"twelfth": "twelve"}
    | {f"{word}th": word for word in [*_ONES, "hundred", *_GROUPS]}
    | {f"{word[:-1]}ieth": word for word in _TENS}
)
_DECADES = {f"{word[:-1]}ies": word for word in _TENS} | {"tens": "ten"}
_NOUGHTS = ("o", "oh")
_SMALLEST, _FIRST_WITH_COMMAS = 10, 10_000
_FEWEST_DIGITS = 3


@dataclass(frozen=True, slots=True)
class _Found:
    """A number in figures, and of how many words it was made."""

    figures: str
    num_words: int


def with_figures(transcript: Transcript) -> Transcript:
    """A transcript with numbers in figures: the first word of a number has them in `written`, the others have an empty
    one. Marks after a number stay. A number ends where a segment does.
    """
    return replace(transcript, segments=tuple(Segment(_with_figures(one.words)) for one in transcript.segments))


def _with_figures(words: Sequence[Word]) -> tuple[Word, ...]:
    written = [word.text if word.written is None else word.written for word in words]
    return tuple(replace(word, written=new) for word, new in zip(words, figures_of(written), strict=True))


def figures_of(words: Sequence[str]) -> list[str]:
    """Printed words with numbers in figures; empty where the word before stands for it, too."""
    found: list[str] = []
    while len(found) < len(words):
        rest = words[len(found) : len(found) + _longest_run(words, len(found))]
        number = _number([word.rstrip("".join(MARKS)).lower() for word in rest])
        if number is None:
            found.append(words[len(found)])
            continue
        last = rest[number.num_words - 1]
        mark = last[len(last.rstrip("".join(MARKS))) :]
        found += [number.figures + mark, *[""] * (number.num_words - 1)]
    return found


def _longest_run(words: Sequence[str], first: int) -> int:
    """How many words come up to the first mark: a number does not go on beyond."""
    for at in range(first, len(words)):
        if words[at].endswith(MARKS[1:]):
            return at + 1 - first
    return len(words) - first


def _number(words: Sequence[str]) -> _Found | None:
    """The number with which these words in lower case begin, if it is one for figures."""
    return next(filter(None, (read(words) for read in (_digits, _year, _decimal, _cardinal_or_ordinal))), None)


def _digits(words: Sequence[str]) -> _Found | None:
    digits = list(_leading_digits(words, _NOUGHTS))
    if len(digits) < len(words) and words[len(digits)] in ("hundred", *_GROUPS):
        digits = digits[:-1]  # the last one begins the next number
    return _Found("".join(digits), len(digits)) if len(digits) >= _FEWEST_DIGITS else None


def _leading_digits(words: Sequence[str], noughts: Sequence[str] = ()) -> Iterator[str]:
    for word in words:
        if word not in noughts and _ONES.get(word, _SMALLEST) >= _SMALLEST:
            return
        yield "0" if word in noughts else str(_ONES[word])


def _year(words: Sequence[str]) -> _Found | None:
    century = _SMALL.get(words[0], 0)
    if not 11 <= century <= 20 or len(words) == 1:
        return None
    if words[1] in _NOUGHTS and len(words) > 2 and 0 < _ONES.get(words[2], 0) < 10:
        return _Found(f"{century}0{_ONES[words[2]]}", 3)
    if words[1] == "hundreds":
        return _Found(f"{century}00s", 2)
    if words[1] in _DECADES:
        return _Found(f"{century}{_SMALL[_DECADES[words[1]]]}s", 2)
    rest, used = _below_hundred(words[1:])
    return _Found(f"{century}{rest}", 1 + used) if rest >= 10 else None


def _decimal(words: Sequence[str]) -> _Found | None:
    whole, used = _cardinal(words)
    if used == 0 or words[used : used + 1] != ["point"]:
        return None
    digits = list(_leading_digits(words[used + 1 :], _NOUGHTS))
    return _Found(f"{_grouped(whole)}.{''.join(digits)}", used + 1 + len(digits)) if digits else None


def _cardinal_or_ordinal(words: Sequence[str]) -> _Found | None:
    has_article = words[0] == "a"
    values = ["one", *words[1:]] if has_article else list(words)
    number, used = _cardinal(values)
    ordinal = next((at for at in range(used + 1) if at < len(values) and values[at] in _ORDINALS), None)
    if ordinal is not None:
        values[ordinal] = _ORDINALS[values[ordinal]]
        whole, length = _cardinal(values[: ordinal + 1])
        if length == ordinal + 1 and whole >= _SMALLEST and not (has_article and length <= 2):
            return _Found(_grouped(whole) + _ordinal_ending(whole), length)
    if number < _SMALLEST or (has_article and used <= 2):
        return None
    return _Found(_grouped(number), used)


def _cardinal(words: Sequence[str]) -> tuple[int, int]:
    """The number with which the words begin, and of how many words it is made; 0, 0 if they begin with none."""
    total, used, limit = 0, 0, 10**12
    while True:
        start = used + 1 if used and words[used : used + 1] == ["and"] else used
        part, length = _below_thousand(words[start:])
        group = _GROUPS.get(words[start + length]) if length and start + length < len(words) else None
        is_last = group is None or group >= limit
        if length == 0 or (is_last and used and (limit < 1000 or part == 0)) or (used and part >= limit):
            return total, used
        if is_last:
            return total + part, start + length
        assert group is not None
        total, used, limit = total + part * group, start + length + 1, group


def _below_thousand(words: Sequence[str]) -> tuple[int, int]:
    """FIVE HUNDRED AND TWENTY ONE, also FIFTEEN HUNDRED."""
    number, used = _below_hundred(words)
    if not 0 < number < 100 or number % 10 == 0 or words[used : used + 1] != ["hundred"]:
        return number, used
    hundreds, used = 100 * number, used + 1
    start = used + 1 if words[used : used + 1] == ["and"] else used
    rest, length = _below_hundred(words[start:])
    return (hundreds + rest, start + length) if length and rest else (hundreds, used)


def _below_hundred(words: Sequence[str]) -> tuple[int, int]:
    if not words or words[0] not in _SMALL:
        return 0, 0
    if words[0] in _TENS and len(words) > 1 and 0 < _ONES.get(words[1], 0) < 10:
        return _TENS[words[0]] + _ONES[words[1]], 2
    return _SMALL[words[0]], 1


def _grouped(number: int) -> str:
    return f"{number:,}" if number >= _FIRST_WITH_COMMAS else str(number)


def _ordinal_ending(number: int) -> str:
    return "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
