"""Reading references and hypotheses for scoring, and matching them.

Three kinds of file: JSON lines (`.json`, `.jsonl`; the keys `text` and `id`, or else the name of the sound file in
`audio_filepath`) and NIST's trn (`.trn`, or each line ends with another id in parentheses), matched by id; and plain
text, one utterance a line, matched by line number. NeMo's output has the reference in `text` and the hypothesis in
`pred_text`; as hypotheses, the latter is read. Alternatives and optional words of a trn count in references only.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asr.errors import ScoringError
from asr.files import HALF_CHARACTER, parse_json, parse_object, read_lines
from asr.messages import named
from asr.scoring.reference import Reference, parse_reference
from asr.scoring.trn import is_trn, read_trn, several_words

JSON_LINES = (".json", ".jsonl")
REFUSED, DELETED, LEFT_OUT = "refused", "deleted", "left-out"  # what to do about utterances without a hypothesis
_JSON, _TRN, _LINES = "JSON lines", "trn", "plain text"
_TEXT, _PREDICTED = "text", "pred_text"
_PREDICTIONS = ("pred", "hyp")  # the first letters of other tools' keys for hypotheses
_OTHER_FORMS = (".ctm", ".stm", ".csv", ".tsv")  # they have more in a line than the text


@dataclass(frozen=True, slots=True)
class PairedTexts:
    """References and hypotheses that belong together, in the order of the references; all three are equally long.

    `notes` say how the files were read, where that is not plain.
    """

    ids: tuple[str, ...]
    references: tuple[str | Reference, ...]
    hypotheses: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Texts:
    """What a file holds: the form that it was read as, the texts by id, in order, and notes for people."""

    form: str
    by_id: dict[str, str]
    lines: dict[str, int]
    notes: list[str] = field(default_factory=list)


def pair(
    reference_path: Path,
    hypothesis_path: Path,
    *,
    missing: str = REFUSED,
    optional_words: bool = True,
    fragments: bool = False,
) -> PairedTexts:
    """Read both files and match them: by id, if they have ids, else by line number.

    `missing`: what to do about a reference without a hypothesis: "refused", "deleted" (all its words are) or
    "left-out". `optional_words` and `fragments`: how trn references are read (`asr.scoring.reference`).

    Raises:
        ScoringError: if a file cannot be read, if one has ids and the other has none, if the numbers of lines differ,
            or if ids are missing or additional; names up to ten of those, and their count.
    """
    if missing not in (REFUSED, DELETED, LEFT_OUT):
        raise ScoringError(f"found {missing!r} for missing hypotheses; expected {REFUSED}, {DELETED} or {LEFT_OUT}")
    references, hypotheses = _read(reference_path), _read(hypothesis_path, recognised=True)
    if (references.form == _LINES) != (hypotheses.form == _LINES):
        raise ScoringError(
            f"{reference_path} is {references.form} and {hypothesis_path} is {hypotheses.form}, which cannot be "
            "matched: one has ids and the other has none; give two files with ids, or two without"
        )
    notes = [*references.notes, *hypotheses.notes]
    if references.form != _LINES:
        notes += _unmatched_ids(references.by_id, hypotheses.by_id, hypothesis_path, missing)
    elif len(references.by_id) != len(hypotheses.by_id):
        raise ScoringError(
            f"{reference_path} has {len(references.by_id)} lines and {hypothesis_path} has {len(hypotheses.by_id)}; "
            "expected one line for each utterance in both, in the same order"
        )
    ids = [id for id in references.by_id if missing != LEFT_OUT or id in hypotheses.by_id]
    wanted: list[str | Reference] = [references.by_id[id] for id in ids]
    if references.form == _TRN:
        for place, id in enumerate(ids):
            text, where = references.by_id[id], f"{reference_path}, line {references.lines[id]}"
            wanted[place] = parse_reference(text, where, optional_words=optional_words, fragments=fragments)
            if optional_words and (several := several_words(text)):
                notes.append(
                    f"{where}: {several} is no optional word, as it has a blank; each word counts as it stands"
                )
    return PairedTexts(tuple(ids), tuple(wanted), tuple(hypotheses.by_id.get(id, "") for id in ids), tuple(notes))


def read_texts(path: Path, *, recognised: bool = False) -> dict[str, str]:
    """The texts of a file by id, in order. In plain text the ids are line numbers from "1"; a blank line is an empty
    text.

    `recognised` asks for hypotheses: those in `pred_text`, in a file of JSON lines that has this key.

    Raises:
        ScoringError: if the file is missing, not UTF-8, or of a form that is not read; names the line of broken JSON,
            of a missing or wrong key, or of a doubled id.
    """
    return _read(path, recognised=recognised).by_id


def _read(path: Path, *, recognised: bool = False) -> Texts:
    lines = read_lines(path, ScoringError)
    if _is_json_lines(path):
        return _read_json_lines(path, lines, recognised=recognised)
    if path.suffix.lower() == ".trn" or is_trn(lines):
        return _read_trn(path, lines)
    _refuse_other_forms(path, lines)
    return Texts(_LINES, {str(number): line for number, line in enumerate(lines, start=1)}, {})


def _read_trn(path: Path, lines: list[str]) -> Texts:
    texts = Texts(_TRN, {}, {})
    for number, id, text in read_trn(lines, path):
        if id in texts.by_id:
            raise ScoringError(f"{path}, line {number}: the id {id!r} stands twice, before in line {texts.lines[id]}")
        texts.by_id[id], texts.lines[id] = text, number
    texts.notes.append(f"{path}: read as trn, with the id in the last parentheses of a line")
    return texts


def _read_json_lines(path: Path, lines: list[str], *, recognised: bool) -> Texts:
    key = _PREDICTED if recognised and any(_PREDICTED in _keys(line) for line in lines) else _TEXT
    texts: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            where = f"{path}, line {number}"
            id, text = _parse(line, where, key, recognised=recognised)
            if id in texts:
                raise ScoringError(f'{where}: the id {id!r} stands twice; give each utterance its own "id"')
            texts[id] = text
    return Texts(_JSON, texts, {})


def _is_json_lines(path: Path) -> bool:
    return path.suffix.lower() in JSON_LINES


def _refuse_other_forms(path: Path, lines: list[str]) -> None:
    """Refuse forms whose other fields would be counted as words, and make the rate look better."""
    if path.suffix.lower() in _OTHER_FORMS:
        raise ScoringError(f"{path}: {path.suffix} is not read; give plain text, one utterance a line, or JSON lines")
    if any(line.startswith('{"') for line in lines[:1]):
        raise ScoringError(f"{path}, line 1: JSON in a file of plain text; name the file .jsonl if it is JSON lines")


def _keys(line: str) -> frozenset[str]:
    """The keys of a line of JSON; none if it is broken, which `_parse` reports."""
    try:
        return frozenset(parse_json(line))
    except (ValueError, TypeError):
        return frozenset()


def _parse(line: str, where: str, key: str, *, recognised: bool) -> tuple[str, str]:
    record = parse_object(line, where, ScoringError)
    if key not in record:
        raise ScoringError(f'{where}: the key "{key}" is missing{", which other lines have" * (key == _PREDICTED)}')
    if recognised and key == _TEXT and (other := [name for name in record if name.startswith(_PREDICTIONS)]):
        raise ScoringError(
            f'{where}: the hypothesis may stand in "text" or in "{other[0]}"; call it "pred_text", or leave one out'
        )
    id, text = _id(record, where), record[key]
    if not isinstance(text, str):
        raise ScoringError(f'{where}: "{key}" is {text!r}, expected a text')
    if HALF_CHARACTER.search(id + text):
        raise ScoringError(
            f"{where}: half of a surrogate pair (\\ud800 to \\udfff) stands alone, which is no character"
        )
    return id, text


def _id(record: dict[str, Any], where: str) -> str:
    id = record.get("id")
    if isinstance(id, str | int) and not isinstance(id, bool):
        return str(id)
    audio = record.get("audio_filepath")
    if id is None and isinstance(audio, str):
        return Path(audio).stem
    raise ScoringError(f'{where}: expected an "id", or else an "audio_filepath", to match the text by')


def _unmatched_ids(
    references: dict[str, str], hypotheses: dict[str, str], hypothesis_path: Path, missing: str
) -> list[str]:
    """Refuse ids that stand on one side only, or say what was done about those without a hypothesis."""
    problems, notes = [], []
    if without := [id for id in references if id not in hypotheses]:
        count = f"{len(without)} of {len(references)} ids of the references are missing"
        if missing == REFUSED:
            problems.append(f"{count}: {named(without)}")
        else:
            done = "their words count as deleted" if missing == DELETED else "they are left out"
            notes.append(f"{hypothesis_path}: {count}, {done}: {named(without)}")
    if additional := [id for id in hypotheses if id not in references]:
        problems.append(f"{len(additional)} ids are not among the references: {named(additional)}")
    if problems:
        way_out = "" if additional else f". Give them, or choose with --missing: {DELETED} or {LEFT_OUT}"
        raise ScoringError(f"{hypothesis_path}: {'; '.join(problems)}{way_out}")
    return notes
