"""JSON: lines with a text and an id each (manifests, NeMo's output), transcripts of asr, and Whisper's one object.

NeMo's output has the reference in `text` and the hypothesis in `pred_text`; as hypotheses, the latter is read.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asr.errors import ScoringError
from asr.files import HALF_CHARACTER, parse_json, parse_object
from asr.messages import named
from asr.scoring.inputs.contents import JSON, NO_FACTS, Contents, Entry, Fact, source_of
from asr.scoring.inputs.lines import seconds
from asr.utterance_parts import part_of_file

_TEXT, _PREDICTED = "text", "pred_text"
_PREDICTIONS = ("pred", "hyp")  # the first letters of other tools' keys for hypotheses
_TIMES = ("duration", "offset", "start", "end")
_NO_FACTS = ("id", "audio_filepath", _TEXT, _PREDICTED)
_LARGEST_FACT = 1e300  # whole numbers of JSON may have thousands of digits
_LONGEST_FACT = 200  # characters; longer texts are no property to sort utterances by


def is_json(lines: Sequence[str]) -> bool:
    """Whether the file begins as an object of JSON does: with a brace and then a quotation mark."""
    beginning = "".join("".join(lines[:3]).split())
    return beginning.startswith(('{"', "{}"))


def read_json_texts(lines: Sequence[str], path: Path, *, recognised: bool) -> Contents:
    """The utterances of a file: of a line each, or one if the whole file is one object.

    Raises:
        ScoringError: names the line of broken JSON, or of a missing or wrong key.
    """
    whole = _whole_object(lines)
    if whole is not None and "segments" in whole and not _is_transcript(whole):
        text = _text(whole, _TEXT, str(path)).strip()
        note = f"{path}: read as Whisper's JSON, with the name of the file as the id"
        return Contents(path, JSON, [Entry(text, 1, source=source_of(str(path)))], [note])
    told = "\n".join(lines) if whole is not None else ""
    numbered = [(1, told)] if told else [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    key = text_key(
        [_PREDICTED] if any(f'"{_PREDICTED}"' in line for _, line in numbered) else [], recognised=recognised
    )
    entries, failed, form = [], [], "JSON lines"
    for number, line in numbered:
        where = f"{path}, line {number}"
        record = parse_object(line, where, ScoringError)
        if "error" in record and key not in record:
            failed.append(_given_id(record, where) or f"line {number}")
            continue
        form = "transcripts of asr" if _is_transcript(record) else form
        entries.append(_entry(record, where, number, key, recognised=recognised))
    notes = [f'{path}: read as {form}, the text in "{key}"']
    if failed:
        notes.append(f"{path}: {len(failed)} recordings could not be transcribed, and have no text: {named(failed)}")
    return Contents(path, JSON, entries, notes)


def text_key(names: Iterable[str], *, recognised: bool) -> str:
    """The key of the texts: of hypotheses NeMo's, if there is one. `recognised` asks for hypotheses."""
    return _PREDICTED if recognised and _PREDICTED in names else _TEXT


def refuse_two_places(names: Iterable[str], key: str, where: str) -> None:
    """Refuse hypotheses that may stand in `text`, or in a key of another tool, beside a reference.

    Raises:
        ScoringError: there is such a key.
    """
    if key == _TEXT and (other := [name for name in names if name.startswith(_PREDICTIONS)]):
        raise ScoringError(
            f'{where}: the hypothesis may stand in "text" or in "{other[0]}"; call it "pred_text", or leave one out'
        )


def has_both_sides(path: Path, lines: Sequence[str]) -> bool:
    """Whether a file is NeMo's output, with references and hypotheses."""
    first = next((line for line in lines if line.strip()), "")
    try:
        return is_json(lines) and {_TEXT, _PREDICTED} <= set(parse_object(first, str(path), ScoringError))
    except ScoringError:
        return False


def _whole_object(lines: Sequence[str]) -> dict[str, Any] | None:
    """The object that the whole file is, in one line or in many; None for lines of JSON, broken ones too."""
    told = [line for line in lines if line.strip()]
    if len(told) > 1 and _parsed(told[0]) is not None:
        return None
    return _parsed("\n".join(told))


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _is_transcript(record: Mapping[str, Any]) -> bool:
    return {"version", "source", "segments"} <= set(record)


def _entry(record: dict[str, Any], where: str, number: int, key: str, *, recognised: bool) -> Entry:
    if key not in record:
        raise ScoringError(f'{where}: the key "{key}" is missing{", which other lines have" * (key == _PREDICTED)}')
    if recognised:
        refuse_two_places(record, key, where)
    text = _text(record, key, where)
    id, source = _given_id(record, where), _source(record, where)
    if id is None and not source:
        raise ScoringError(f'{where}: expected an "id", or else an "audio_filepath", to match the text by')
    for name in _TIMES:
        if isinstance(record.get(name), int | float):
            seconds(record[name], f'"{name}"', where)
    times = _times(record, text) if recognised and _is_transcript(record) else ()
    return Entry(text, number, id, source, NO_FACTS if recognised else _facts(record), times)


def _text(record: Mapping[str, Any], key: str, where: str) -> str:
    text = record.get(key)
    if not isinstance(text, str):
        raise ScoringError(f'{where}: "{key}" is {text!r:.80}, expected a text')
    _refuse_half_characters(text, where)
    return text


def _refuse_half_characters(text: str, where: str) -> None:
    if HALF_CHARACTER.search(text):
        raise ScoringError(
            f"{where}: half of a surrogate pair (\\ud800 to \\udfff) stands alone, which is no character"
        )


def _given_id(record: Mapping[str, Any], where: str) -> str | None:
    id = record.get("id")
    if id is None:
        return None
    if not isinstance(id, str | int) or isinstance(id, bool):
        raise ScoringError(f'{where}: expected an "id" that is a text or a whole number, found {id!r:.80}')
    _refuse_half_characters(str(id), where)
    return str(id)


def _source(record: Mapping[str, Any], where: str) -> str:
    audio = record.get("source" if _is_transcript(record) else "audio_filepath")
    if not isinstance(audio, str) or not audio:
        return ""
    _refuse_half_characters(audio, where)
    offset, channels = record.get("offset"), record.get("channel_selector")
    if isinstance(channels, list) and all(isinstance(channel, int) for channel in channels):
        channels = tuple(channels)
    part = part_of_file(
        seconds(offset, '"offset"', where) if isinstance(offset, int | float) else None,
        channels if isinstance(channels, int | tuple) else None,
    )
    return source_of(audio, part)


def _facts(record: Mapping[str, Any]) -> Mapping[str, Fact]:
    """Speaker, duration and whatever else is one number or a short text."""
    facts: dict[str, Fact] = {}
    for name, value in record.items():
        if name not in _NO_FACTS and _is_fact(name, value):
            facts[name] = value
    audio = record.get("audio_filepath")
    if isinstance(audio, str) and audio:
        facts["audio_filepath"] = audio
    return facts or NO_FACTS


def _is_fact(name: str, value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_FACT and HALF_CHARACTER.search(name + value) is None
    is_number = isinstance(value, int | float) and abs(value) < _LARGEST_FACT  # NaN is not
    return is_number and HALF_CHARACTER.search(name) is None


def _times(record: Mapping[str, Any], text: str) -> list[tuple[float, float]]:
    """Of each word of a transcript; none if one is not known."""
    try:
        words = [word for segment in record["segments"] for word in segment["words"]]
        times = [(float(word["start"]), float(word["end"])) for word in words]
    except (KeyError, TypeError, ValueError):
        return []
    are_known = all(math.isfinite(start) and math.isfinite(end) for start, end in times)
    return times if are_known and len(times) == len(text.split()) else []
