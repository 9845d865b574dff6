"""NIST's stm: a line for each segment, `recording channel speaker start end <label> text`, times in seconds.

The label may be left out. What stands in angle brackets is a label if a line `;; LABEL` declares it, or with a comma in
it, or if it is `<o>`, NIST's own; sclite takes any word in angle brackets there for one, and loses it.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from asr.errors import ScoringError
from asr.messages import named
from asr.scoring.inputs.contents import STM, Contents, Segment
from asr.scoring.inputs.lines import NUMBER, are_timed, said_lines, seconds
from asr.scoring.inputs.segments import joined_segments

_IGNORED = "ignore_time_segment_in_scoring"
_LINE = re.compile(rf"\s*\S+\s+\S+\s+\S+\s+({NUMBER})\s+({NUMBER})(\s.*)?", re.IGNORECASE)
_COLUMNS = re.compile(r"\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+|$)")
_LABEL = re.compile(r"<([^<>\s]*)>(?:\s+|$)")
_DECLARED = re.compile(r'\s*;;\s*(?:LABEL|CATEGORY)\s+"([^"]*)"', re.IGNORECASE)


def is_stm(lines: Sequence[str]) -> bool:
    """Whether nearly all lines are of this form, with a decimal point in a start and in an end."""
    return are_timed(lines, _LINE)


def read_stm(lines: Sequence[str], path: Path) -> Contents:
    """The segments, sorted by recording, channel and start; with the same start, in the order of the file.

    Raises:
        ScoringError: a line lacks a column, or a time is no time; names the line.
    """
    declared = {match[1].casefold() for line in lines if (match := _DECLARED.match(line))}
    segments, words = [], []
    for number, line in said_lines(lines):
        segment = _segment(line, number, path, declared)
        segments.append(segment)
        if not segment.label and (match := _LABEL.match(segment.text)):
            words.append(f"line {number}: {match[0].strip()}")
    notes = [f"{path}: read as stm, {len(segments)} segments"]
    if words:
        notes.append(f"{path}: taken for words, as no line ';; LABEL' declares them as labels: {named(words)}")
    in_order = sorted(segments, key=lambda segment: (segment.recording, segment.channel, segment.start))
    if in_order != segments:
        notes.append(f"{path}: sorted by recording, channel and start")
    return Contents(path, STM, joined_segments(in_order), notes, segments=in_order)


def _segment(line: str, number: int, path: Path, declared: set[str]) -> Segment:
    where = f"{path}, line {number}"
    match = _COLUMNS.match(line)
    if match is None:
        raise ScoringError(f"{where}: expected recording, channel, speaker, start, end and text, found {line!r:.80}")
    start, end = seconds(match[4], "the start", where), seconds(match[5], "the end", where)
    if end < start:
        raise ScoringError(f"{where}: the end, {match[5]}, is before the start, {match[4]}")
    label, column = "", match.end()
    if (found := _LABEL.match(line, column)) and _is_label(found[1], declared):
        label, column = found[1], found.end()
    text = line[column:].rstrip()
    ignored = text.casefold() == _IGNORED
    return Segment(match[1], match[2], match[3], start, end, text, label, ignored, number, column)


def _is_label(label: str, declared: set[str]) -> bool:
    return "," in label or label.casefold() in declared | {"o"}
