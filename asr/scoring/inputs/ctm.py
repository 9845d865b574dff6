"""NIST's ctm: a line for each word, `recording channel start duration word confidence`, times in seconds.

The confidence may be left out, or be NA; more columns, such as a kind of word, are not read.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from asr.errors import ScoringError
from asr.scoring.inputs.contents import CTM, Contents, TimedWord
from asr.scoring.inputs.lines import NUMBER, are_timed, said_lines, seconds
from asr.scoring.inputs.segments import joined_words

_LINE = re.compile(
    rf"\s*\S+\s+\S+\s+({NUMBER})\s+({NUMBER})\s+\S+(?:\s+(?:NA|{NUMBER})(?:\s+\S+){{0,2}})?\s*", re.IGNORECASE
)
_CONFIDENCE = re.compile(rf"NA|{NUMBER}", re.IGNORECASE)


def is_ctm(lines: Sequence[str]) -> bool:
    """Whether nearly all lines are of this form, with a decimal point in a start and in a duration."""
    return are_timed(lines, _LINE)


def read_ctm(lines: Sequence[str], path: Path) -> Contents:
    """The words, sorted by recording, channel and start; with the same start, in the order of the file.

    Raises:
        ScoringError: a line lacks a column, or a time or confidence is no number; names the line.
    """
    words = [_word(line, number, path) for number, line in said_lines(lines)]
    notes = [f"{path}: read as ctm, {len(words)} words"]
    in_order = sorted(words, key=lambda word: (word.recording, word.channel, word.start))
    if in_order != words:
        notes.append(f"{path}: sorted by recording, channel and start")
    return Contents(path, CTM, joined_words(in_order), notes, words=in_order)


def _word(line: str, number: int, path: Path) -> TimedWord:
    where, columns = f"{path}, line {number}", line.split()
    if len(columns) < 5:
        raise ScoringError(f"{where}: expected recording, channel, start, duration and word, found {line!r:.80}")
    if len(columns) > 5 and not _CONFIDENCE.fullmatch(columns[5]):
        raise ScoringError(f"{where}: the confidence is {columns[5]!r:.40}, expected a number or NA")
    start, duration = seconds(columns[2], "the start", where), seconds(columns[3], "the duration", where)
    return TimedWord(columns[0], columns[1], start, duration, columns[4], number)
