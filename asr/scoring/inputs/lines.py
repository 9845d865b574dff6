"""What forms with a line for each utterance, segment or word have in common."""

import math
import re
from collections.abc import Iterator, Sequence

from asr.errors import ScoringError

NUMBER = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|nan|inf(?:inity)?)"  # of seconds; the last ones are refused by line


def said_lines(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The lines with their numbers from 1, without blank ones and comments, which begin with `;;`."""
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith(";;"):
            yield number, line


def are_timed(lines: Sequence[str], form: re.Pattern[str]) -> bool:
    """Whether at least nine of ten lines match, and its two times have a decimal point somewhere, which texts of
    figures have not. The tenth is refused by its line, when it is read."""
    found = [form.fullmatch(line) for _, line in said_lines(lines)]
    matches = [match for match in found if match]
    if not matches or 10 * len(matches) < 9 * len(found):
        return False
    return all(any("." in match[place] for match in matches) for place in (1, 2))


def seconds(value: object, name: str, where: str) -> float:
    """A time of a file, a number or its text; `where` is its place, for messages.

    Raises:
        ScoringError: it is no number, not finite, or negative.
    """
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise ScoringError(f"{where}: {name} is {value!r:.40}, expected seconds, zero or more")
    return number
