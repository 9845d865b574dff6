"""Recognising what a file of texts is, by its content, and reading it.

Only where the content leaves it open is the end of the name asked: for a single line, or a broken one.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from asr.errors import ScoringError
from asr.files import read_lines
from asr.scoring.inputs.contents import CTM, FORMS, JSON, KALDI, STM, TEXT, TRN, TSV, Contents, Entry
from asr.scoring.inputs.ctm import is_ctm, read_ctm
from asr.scoring.inputs.json_texts import is_json, read_json_texts
from asr.scoring.inputs.kaldi import is_kaldi, read_kaldi
from asr.scoring.inputs.stm import is_stm, read_stm
from asr.scoring.inputs.table import is_table, read_table
from asr.scoring.inputs.trn import is_trn, read_trn

_ENDINGS = {".json": JSON, ".jsonl": JSON, ".trn": TRN, ".stm": STM, ".ctm": CTM, ".tsv": TSV}
_NOT_READ = (".csv", ".srt", ".vtt", ".textgrid")  # they have more in a line than the text
_FOLDER = (".json", ".txt")  # what is read of a folder, a recording in a file; the first kind that it has


def read_contents(
    path: Path, *, recognised: bool = False, form: str | None = None, known_ids: Collection[str] = ()
) -> Contents:
    """The texts of a file, or of the files in a folder, one for each recording.

    `recognised` asks for hypotheses. `form`: as which the file is read; by its content if None. `known_ids`: those of
    the other file, by which a text whose lines begin with them is taken for Kaldi's.

    Raises:
        ScoringError: the file is missing, not UTF-8, or broken; names the line.
    """
    if form is not None and form not in FORMS:
        raise ScoringError(f"found {form!r} as the form of {path}; expected {', '.join(FORMS[:-1])} or {FORMS[-1]}")
    if path.is_dir():
        return _read_folder(path, recognised=recognised)
    lines = read_lines(path, ScoringError)
    form = form or form_of(path, lines, known_ids)
    if form in _WITH_TEXTS_OF_BOTH:
        return _WITH_TEXTS_OF_BOTH[form](lines, path, recognised=recognised)
    return _READERS[form](lines, path)


def _read_plain(lines: Sequence[str], path: Path) -> Contents:
    entries = [Entry(line, number, id=str(number)) for number, line in enumerate(lines, start=1)]
    return Contents(path, TEXT, entries, [f"{path}: read as plain text, one utterance a line"])


_WITH_TEXTS_OF_BOTH = {JSON: read_json_texts, TSV: read_table}  # a line may have a reference and a hypothesis
_READERS = {TEXT: _read_plain, TRN: read_trn, STM: read_stm, CTM: read_ctm, KALDI: read_kaldi}


def form_of(path: Path, lines: Sequence[str], known_ids: Collection[str] = ()) -> str:
    """The form of a file.

    Raises:
        ScoringError: it is one that is not read, or may be two.
    """
    ending = path.suffix.lower()
    if ending in _NOT_READ or any(" --> " in line for line in lines):
        raise ScoringError(
            f"{path}: {'subtitles are' if ending != '.csv' else ending + ' is'} not read; give plain text, one "
            "utterance a line, or JSON lines, TSV, trn, stm or ctm"
        )
    if is_json(lines):
        return JSON
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if is_table(lines):
        return TSV
    timed = [form for form, is_form in ((STM, is_stm), (CTM, is_ctm)) if is_form(lines)]
    if len(timed) > 1:
        raise ScoringError(f"{path}: may be stm or ctm; say which one, or let the name of the file end so")
    if timed:
        return timed[0]
    if is_trn(lines):
        return TRN
    return KALDI if is_kaldi(lines, known_ids) else TEXT


def _read_folder(folder: Path, *, recognised: bool) -> Contents:
    for ending in _FOLDER:
        if files := sorted(path for path in folder.iterdir() if path.suffix.lower() == ending and path.is_file()):
            parts = [_read_recording(path, recognised=recognised) for path in files]
            note = f"{folder}: read {len(files)} files {ending}, each with the text of a recording"
            return Contents(folder, JSON, [entry for part in parts for entry in part.entries], [note])
    raise ScoringError(f"{folder}: is a folder without files {' or '.join(_FOLDER)}; expected a file, or such a folder")


def _read_recording(path: Path, *, recognised: bool) -> Contents:
    if path.suffix.lower() == ".json":
        return read_contents(path, recognised=recognised)
    text = " ".join(read_lines(path, ScoringError))
    return Contents(path, TEXT, [Entry(text, 1, source=path.stem)])
