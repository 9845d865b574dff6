"""NIST's trn: a line for each utterance, its words and then its id in parentheses: `i am a (farmer) (speaker1_7)`."""

import re
from collections.abc import Sequence
from pathlib import Path

from asr.errors import ScoringError
from asr.scoring.inputs.contents import TRN, Contents, Entry
from asr.scoring.inputs.lines import said_lines

_LINE = re.compile(r"(\s*)(.*)\(([^()]*)\)\s*")
_SEVERAL_WORDS = re.compile(r"(?<!\S)\([^()\s]+\s[^()]*\)(?!\S)")
_SPEAKER = re.compile(r"[^-_]+(?=[-_])")


def is_trn(lines: Sequence[str]) -> bool:
    """Whether two or more lines end with parentheses of different contents, and all others are blank or comments."""
    found = []
    for _, line in said_lines(lines):
        match = _LINE.fullmatch(line)
        if match is None or not match[3].strip():
            return False
        found.append(match[3].strip())
    return len(set(found)) == len(found) > 1


def read_trn(lines: Sequence[str], path: Path) -> Contents:
    """What stands in the last parentheses is the id, with blanks and in its own case; the speaker is what it has before
    its first hyphen or underscore, as in NIST's tools.

    Raises:
        ScoringError: a line has no id; names the line.
    """
    entries = []
    for number, line in said_lines(lines):
        match = _LINE.fullmatch(line)
        if match is None or not match[3].strip():
            raise ScoringError(
                f"{path}, line {number}: expected words and then the id in parentheses, found {line!r:.80}"
            )
        id = match[3].strip()
        speaker = _SPEAKER.match(id)
        facts = {"speaker": speaker[0]} if speaker else {}
        entries.append(Entry(match[2].rstrip(), number, id=id, facts=facts, column=len(match[1])))
    return Contents(path, TRN, entries, [f"{path}: read as trn, with the id in the last parentheses of a line"])


def several_words(text: str) -> str:
    """Parentheses around more than one word, which mark none of them as optional; empty if there are none."""
    match = _SEVERAL_WORDS.search(text)
    return match[0] if match else ""
