"""A score as a file, which has all of it: the rates for programs, and each utterance, so that nothing is lost."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from asr.errors import ScoringError
from asr.files import parse_json, read_bytes, write_text
from asr.scoring.record import Score, UtteranceScore
from asr.scoring.reference import Arc, Reference

_COUNTS = ("num_words", "num_characters", "substitutions", "deletions", "insertions", "character_errors")
_RATES = ("wer", "wer_low", "wer_high")


def write_score(path: Path, score: Score) -> None:
    """Write a score and its utterances, which `read_score` reads.

    Raises:
        OutputError: the file cannot be written.
    """
    record = json.dumps(score.to_json(utterances=True), ensure_ascii=False, indent=1, allow_nan=False)
    write_text(path, record + "\n")


def read_score(path: Path) -> Score:
    """A score that `write_score` has written, or one without utterances, as `--json` prints it.

    Raises:
        ScoringError: it is missing, no JSON, or no score.
    """
    record = _object(path)
    if record is None or not is_score(record):
        raise ScoringError(f"{path}: is no score; expected what `asr score --record` or `asr evaluate --record` writes")
    return _score(record, path)


def is_score(record: Mapping[str, Any]) -> bool:
    """Whether an object of JSON has the rates and counts of a score."""
    return {*_COUNTS, *_RATES, "alignment", "characters"} <= set(record)


def scores_in(folder: Path) -> dict[str, Score]:
    """The scores in a folder, such as those of a run, by the name of their file without suffix.

    Raises:
        ScoringError: one is broken.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        record = _object(path)
        if record is not None and is_score(record):
            found[path.stem] = _score(record, path)
    return found


def _object(path: Path) -> dict[str, Any] | None:
    try:
        value = parse_json(read_bytes(path, ScoringError))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _score(record: Mapping[str, Any], path: Path) -> Score:
    try:
        alignment = str(record["alignment"])
        utterances = tuple(_utterance(one, alignment) for one in record.get("utterances", ()))
        low, high = (math.nan if record[name] is None else float(record[name]) for name in ("wer_low", "wer_high"))
        counts = {name: _count(record[name]) for name in _COUNTS}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ScoringError(f"{path}: is no whole score ({type(error).__name__}: {error}); write it again") from None
    characters = str(record["characters"])
    return Score(
        wer_low=low, wer_high=high, **counts, utterances=utterances, alignment=alignment, characters=characters
    )


def _utterance(record: Mapping[str, Any], alignment: str) -> UtteranceScore:
    id, reference, hypothesis = (str(record[name]) for name in ("id", "reference", "hypothesis"))
    counts = {name: _count(record[name]) for name in _COUNTS}
    facts = tuple(record.get("facts", {}).items())
    graph = _graph(record["graph"]) if "graph" in record else None
    return UtteranceScore(id, reference, hypothesis, **counts, alignment=alignment, graph=graph, facts=facts)


def _graph(arcs: Any) -> Reference:
    names = [field.name for field in fields(Arc)]
    found = tuple(Arc(**dict(zip(names, arc, strict=True))) for arc in arcs)
    return Reference(found, 1 + max((arc.end for arc in found), default=0))


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"found {value!r}, expected a count")
    return value
