"""TSV: columns separated by tabs, below a header that names them. A quotation mark is a part of the text.

Tables of asr (`source channel start end text`, a row for each segment, quoted as in CSV), of Whisper (`start end text`,
a recording in a file), and others with a column for the text and one for the id or the path of the sound; or, if the
name ends in `.tsv`, without header: id, text.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from asr.errors import ScoringError
from asr.scoring.inputs.contents import NO_FACTS, TSV, Contents, Entry, source_of
from asr.scoring.inputs.json_texts import refuse_two_places, text_key

_OURS = ["source", "channel", "start", "end", "text"]
_WHISPER = ["start", "end", "text"]
_TEXTS = ("text", "pred_text", "sentence", "transcript")
_IDS = ("id", "utterance")
_PATHS = ("audio_filepath", "path", "source")


def is_table(lines: Sequence[str]) -> bool:
    """Whether the first line is a header that is known."""
    names = lines[0].split("\t") if lines else []
    return names in (_OURS, _WHISPER) or bool(set(names) & set(_TEXTS) and set(names) & {*_IDS, *_PATHS})


def read_table(lines: Sequence[str], path: Path, *, recognised: bool) -> Contents:
    """The utterances of a table.

    Raises:
        ScoringError: a row has more or fewer columns than the header, or the id or path is empty; names the line.
    """
    if not is_table(lines):
        return Contents(path, TSV, _headless(lines, path), [f"{path}: read as TSV without header: id, text"])
    names = lines[0].split("\t")
    if names == _OURS:
        note = f"{path}: read as a table of asr, with the segments of each sound file in one text"
        return Contents(path, TSV, _our_entries(lines, path), [note])
    rows = [(number, line.split("\t")) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    for number, row in rows:
        _refuse_other_length(row, len(names), f"{path}, line {number}")
    if names == _WHISPER:
        text = " ".join(row[2].strip() for _, row in rows)
        note = f"{path}: read as Whisper's TSV, with the name of the file as the id"
        return Contents(path, TSV, [Entry(text, 1, source=source_of(str(path)))], [note])
    key = text_key(names, recognised=recognised)
    key = key if key in names else next(name for name in _TEXTS if name in names)
    if recognised:
        refuse_two_places(names, key, f"{path}, line 1")
    entries = [_entry(dict(zip(names, row, strict=True)), key, path, number, recognised) for number, row in rows]
    return Contents(path, TSV, entries, [f'{path}: read as TSV, the text in the column "{key}"'])


def _entry(row: dict[str, str], key: str, path: Path, number: int, recognised: bool) -> Entry:
    id = next((row[name] for name in _IDS if row.get(name)), None)
    sound = next((row[name] for name in _PATHS if row.get(name)), "")
    if id is None and not sound:
        raise ScoringError(f"{path}, line {number}: expected an id or the path of the sound, found empty columns")
    facts = {name: value for name, value in row.items() if value and name not in (*_TEXTS, *_IDS)}
    return Entry(row[key], number, id, source_of(sound) if sound else "", NO_FACTS if recognised else facts)


def _headless(lines: Sequence[str], path: Path) -> list[Entry]:
    entries = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            row = line.split("\t")
            _refuse_other_length(row, 2, f"{path}, line {number}")
            entries.append(Entry(row[1], number, id=row[0].strip()))
    return entries


def _our_entries(lines: Sequence[str], path: Path) -> list[Entry]:
    """Segments come by their start, so those of a source are in order."""
    texts: dict[str, list[str]] = {}
    first: dict[str, int] = {}
    for number, row in enumerate(_unquoted(lines[1:], path), start=2):
        if row:
            _refuse_other_length(row, len(_OURS), f"{path}, line {number}")
            texts.setdefault(row[0], []).append(row[4])
            first.setdefault(row[0], number)
    return [Entry(" ".join(texts[name]), first[name], source=source_of(name)) for name in texts]


def _unquoted(lines: Sequence[str], path: Path) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter="\t")
    except csv.Error as error:
        raise ScoringError(f"{path}: cannot be read as a table of asr ({error}); make it anew") from None


def _refuse_other_length(row: Sequence[str], expected: int, where: str) -> None:
    if len(row) != expected:
        raise ScoringError(f"{where}: found {len(row)} columns separated by tabs, expected {expected}")
