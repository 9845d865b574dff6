"""Tables whose first line names their columns, separated by commas or tabs -> entries for `asr import`."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from asr.corpus.importers.entries import Entry, Row
from asr.errors import ManifestError
from asr.files import stream_lines

# Names of columns in use, the most specific first: of NeMo, Common Voice, DeepSpeech, Hugging Face and others.
AUDIO_COLUMNS = ("audio_filepath", "audio", "path", "wav_filename", "wav", "file", "filename", "file_name")
TEXT_COLUMNS = ("text", "sentence", "transcript", "transcription")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "client_id")
ID_COLUMNS = ("id", "utterance_id", "utt_id")
_SEPARATORS = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a bar"}


def read_table(
    path: Path,
    *,
    separator: str,
    audio_column: str | None = None,
    text_column: str | None = None,
    audio_folder: Path | None = None,
) -> list[Row]:
    """A table whose first line names its columns; relative paths of sound files are below `audio_folder`, else below
    the table's. Columns that are not given are found by their usual names. In a table separated by tabs, quotation
    marks are part of the text.

    Raises:
        ManifestError: a column cannot be found, or stands twice; or a quotation mark is not closed, so that the ends of
            rows are unknown; names the line.
    """
    rows = _rows(path, separator)
    _, header = next(rows, (1, []))
    names = [name.strip() for name in header]
    audio, text = (
        _column(names, wanted, known, where=f"{path}: no column of {what}")
        for wanted, known, what in (
            (audio_column, AUDIO_COLUMNS, "sound files (--audio-column)"),
            (text_column, TEXT_COLUMNS, "texts (--text-column)"),
        )
    )
    speaker, name = (_index(names, known) for known in (SPEAKER_COLUMNS, ID_COLUMNS))
    entries: list[Row] = []
    for line, cells in rows:
        where = f"{path}, line {line}"
        if len(cells) != len(names):
            found = f"{where}: {len(cells)} cells, expected {len(names)}: {', '.join(names)}"
            entries.append(ManifestError(found))
            continue
        entries.append(
            Entry(
                (audio_folder or path.parent) / cells[audio],
                cells[text],
                None if name is None else cells[name] or None,
                None if speaker is None else cells[speaker] or None,
                where=where,
            )
        )
    return entries


def _rows(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not blank, with the numbers of their first lines."""
    lines = (line + "\n" for line in stream_lines(path, ManifestError))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    if separator == "\t":
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    first, width = 1, 0
    try:
        for cells in reader:
            width = width or len(cells)
            swallowed = [line for cell in cells for line in cell.split("\n")[1:] if line.count(separator) >= width - 1]
            if width > 1 and swallowed:
                raise csv.Error("a quotation mark opens a cell that holds whole lines")
            if cells:
                yield first, cells
            first = reader.line_num + 1
    except csv.Error as error:
        lines_read = f"line {first}" if reader.line_num == first else f"lines {first} to {reader.line_num}"
        raise ManifestError(
            f"{path}, {lines_read}: not a table that can be read: {error}; write a quotation mark within a quoted cell "
            "twice, or give the table separated by tabs"
        ) from None


def _column(names: Sequence[str], wanted: str | None, known: Sequence[str], *, where: str) -> int:
    expected = known if wanted is None else [wanted]
    found = _index(names, expected)
    if found is None:
        marks = [word for mark, word in _SEPARATORS.items() if len(names) == 1 and mark in names[0]]
        hint = f"; are the columns separated by {marks[0]}?" if marks else ""
        header = f"the first line has {', '.join(names):.500}"
        raise ManifestError(f"{where}: {header}; expected {' or '.join(expected)}{hint}")
    if names.count(names[found]) > 1:
        raise ManifestError(
            f"{where.split(': ', maxsplit=1)[0]}: the first line has {names[found]} twice; which one is right?"
        )
    return found


def _index(names: Sequence[str], known: Sequence[str]) -> int | None:
    """The place of the first known name; case is ignored unless two names differ only by it."""
    for same in (str, str.casefold):
        for name in known:
            found = [number for number, other in enumerate(names) if same(other) == same(name)]
            if found:
                return found[0]
    return None
