"""NIST's trn: a line for each utterance, its words and then its id in parentheses: `i am a (farmer) (speaker1_7)`."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asr.errors import ScoringError

_LINE = re.compile(r"(.*)\(([^()]*)\)\s*")
_SEVERAL_WORDS = re.compile(r"(?<!\S)\([^()\s]+\s[^()]*\)(?!\S)")


class TrnLine(NamedTuple):
    """An utterance, and the number of its line from 1."""

    number: int
    id: str
    text: str


def is_trn(lines: Sequence[str]) -> bool:
    """Whether two or more lines end with parentheses of different contents, and all others are blank or comments."""
    found = [_LINE.fullmatch(line) for line in _utterances(lines).values()]
    ids = {match[2].strip() for match in found if match}
    return len(ids) == len(found) > 1 and "" not in ids


def read_trn(lines: Sequence[str], path: Path) -> Iterator[TrnLine]:
    """The utterances of a file. What stands in the last parentheses is the id, with blanks and in its own case.

    Raises:
        ScoringError: a line has no id; names the line.
    """
    for number, line in _utterances(lines).items():
        match = _LINE.fullmatch(line)
        if match is None or not match[2].strip():
            raise ScoringError(
                f"{path}, line {number}: expected words and then the id in parentheses, found {line!r:.80}"
            )
        yield TrnLine(number, match[2].strip(), match[1].strip())


def several_words(text: str) -> str:
    """Parentheses around more than one word, which mark none of them as optional; empty if there are none."""
    match = _SEVERAL_WORDS.search(text)
    return match[0] if match else ""


def _utterances(lines: Sequence[str]) -> dict[int, str]:
    return {
        number: line
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith(";;")
    }
