"""Reading references and hypotheses for scoring, and matching them.

Two kinds of file, distinguished by name: JSON lines (`.json`, `.jsonl`; the keys `text` and `id`, or else the name of
the sound file in `audio_filepath`), matched by id; and plain text, one utterance a line, matched by line number. NeMo's
output has the reference in `text` and the hypothesis in `pred_text`; as hypotheses, the latter is read.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.errors import ScoringError
from asr.files import HALF_CHARACTER, parse_json, parse_object, read_lines
from asr.messages import named

JSON_LINES = (".json", ".jsonl")
_TEXT, _PREDICTED = "text", "pred_text"
_PREDICTIONS = ("pred", "hyp")  # the first letters of other tools' keys for hypotheses
_OTHER_FORMS = (".trn", ".ctm", ".stm", ".csv", ".tsv")  # they have more in a line than the text


@dataclass(frozen=True, slots=True)
class PairedTexts:
    """References and hypotheses that belong together, in the order of the references; all three are equally long."""

    ids: tuple[str, ...]
    references: tuple[str, ...]
    hypotheses: tuple[str, ...]


def pair(reference_path: Path, hypothesis_path: Path) -> PairedTexts:
    """Read both files and match them: JSON lines by id, plain text by line number.

    Raises:
        ScoringError: if a file cannot be read, if one is JSON lines and the other plain text, if the numbers of lines
            differ, or if ids are missing or additional; names up to ten of those, and their count.
    """
    if _is_json_lines(reference_path) != _is_json_lines(hypothesis_path):
        raise ScoringError(
            f"{reference_path} and {hypothesis_path}: one is JSON lines and the other plain text, which cannot be "
            "matched; give two files of the same kind"
        )
    references, hypotheses = read_texts(reference_path), read_texts(hypothesis_path, recognised=True)
    if _is_json_lines(reference_path):
        _refuse_unmatched_ids(references, hypotheses, hypothesis_path)
    elif len(references) != len(hypotheses):
        raise ScoringError(
            f"{reference_path} has {len(references)} lines and {hypothesis_path} has {len(hypotheses)}; "
            "expected one line for each utterance in both, in the same order"
        )
    return PairedTexts(tuple(references), tuple(references.values()), tuple(hypotheses[id] for id in references))


def read_texts(path: Path, *, recognised: bool = False) -> dict[str, str]:
    """The texts of a file by id, in order. In plain text the ids are line numbers from "1"; a blank line is an empty
    text.

    `recognised` asks for hypotheses: those in `pred_text`, in a file of JSON lines that has this key.

    Raises:
        ScoringError: if the file is missing, not UTF-8, or of a form that is not read; names the line of broken JSON,
            of a missing or wrong key, or of a doubled id.
    """
    lines = read_lines(path, ScoringError)
    if not _is_json_lines(path):
        _refuse_other_forms(path, lines)
        return {str(number): line for number, line in enumerate(lines, start=1)}
    key = _PREDICTED if recognised and any(_PREDICTED in _keys(line) for line in lines) else _TEXT
    texts: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            where = f"{path}, line {number}"
            id, text = _parse(line, where, key, recognised=recognised)
            if id in texts:
                raise ScoringError(f'{where}: the id {id!r} stands twice; give each utterance its own "id"')
            texts[id] = text
    return texts


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


def _refuse_unmatched_ids(references: dict[str, str], hypotheses: dict[str, str], hypothesis_path: Path) -> None:
    problems = []
    if missing := [id for id in references if id not in hypotheses]:
        problems.append(f"{len(missing)} of {len(references)} ids of the references are missing: {named(missing)}")
    if additional := [id for id in hypotheses if id not in references]:
        problems.append(f"{len(additional)} ids are not among the references: {named(additional)}")
    if problems:
        raise ScoringError(f"{hypothesis_path}: " + "; ".join(problems))
