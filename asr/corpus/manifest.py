"""Manifests: JSON lines, one utterance a line, with NeMo's keys, so that existing manifests load as they are.

    {"audio_filepath": "wav/a.wav", "duration": 2.5, "text": "HELLO", "id": "a", "speaker": "s1", "offset": 0.0}

`audio_filepath` is relative to the manifest's folder unless absolute; `id`, `speaker` and `offset` may be left out.
"""

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.errors import ManifestError
from asr.files import write_text

MAX_NAMED = 10  # how many bad items a message names before it only counts


@dataclass(frozen=True, slots=True)
class Utterance:
    """One line of a manifest. `duration` and `offset` are in seconds; `text` is the transcript as given."""

    audio_filepath: Path
    duration: float
    text: str
    id: str
    speaker: str | None = None
    offset: float = 0.0


def read_manifest(path: Path, *, check_files: bool = True) -> list[Utterance]:
    """All utterances of a manifest, in order.

    Raises:
        ManifestError: names the line of broken JSON, or of a missing or wrong key, or of a doubled id;
            with `check_files` names the first ten sound files that are missing, and their count.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such manifest") from None
    except (UnicodeDecodeError, OSError) as error:
        raise ManifestError(f"{path}: not readable as UTF-8 text: {error}") from None
    utterances = [_parse(line, path, number) for number, line in enumerate(lines, start=1) if line.strip()]
    if not utterances:
        raise ManifestError(f"{path}: the manifest has no utterances; expected one JSON object a line")
    _refuse_doubled_ids(utterances, path)
    if check_files:
        _refuse_missing_files(utterances, path)
    return utterances


def write_manifest(path: Path, utterances: Iterable[Utterance]) -> None:
    """Write a manifest, whole or not at all; sound files below its folder are written as relative paths."""
    folder = path.parent.resolve()
    write_text(path, "".join(_format(utterance, folder) + "\n" for utterance in utterances))


def _parse(line: str, path: Path, number: int) -> Utterance:
    where = f"{path}, line {number}"
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{where}: not JSON: {error.msg} at character {error.pos + 1}") from None
    if not isinstance(record, dict):
        raise ManifestError(f"{where}: expected a JSON object, found {type(record).__name__}")
    audio = _value(record, "audio_filepath", str, where)
    speaker = record.get("speaker")
    return Utterance(
        audio_filepath=path.parent / audio,
        duration=_seconds(record, "duration", where),
        text=_value(record, "text", str, where),
        id=str(record.get("id", Path(audio).stem)),
        speaker=None if speaker is None else str(speaker),
        offset=_seconds(record, "offset", where) if "offset" in record else 0.0,
    )


def _value(record: dict[str, Any], key: str, kind: Any, where: str) -> Any:
    if key not in record:
        raise ManifestError(f"{where}: the key {key!r} is missing")
    value = record[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ManifestError(f"{where}: {key!r} is {value!r}, expected a {'text' if kind is str else 'number'}")
    return value


def _seconds(record: dict[str, Any], key: str, where: str) -> float:
    value = float(_value(record, key, int | float, where))
    if not math.isfinite(value) or value < 0:
        raise ManifestError(f"{where}: {key!r} is {value}, expected seconds, zero or more")
    return value


def _refuse_doubled_ids(utterances: list[Utterance], path: Path) -> None:
    seen: set[str] = set()
    for utterance in utterances:
        if utterance.id in seen:
            raise ManifestError(
                f'{path}: the id {utterance.id!r} stands twice; give each utterance its own "id" '
                "(without one, the name of the sound file is taken)"
            )
        seen.add(utterance.id)


def _refuse_missing_files(utterances: list[Utterance], path: Path) -> None:
    missing = [str(u.audio_filepath) for u in utterances if not u.audio_filepath.is_file()]
    if missing:
        named = ", ".join(missing[:MAX_NAMED])
        more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
        raise ManifestError(f"{path}: {len(missing)} of {len(utterances)} sound files are missing: {named}{more}")


def _format(utterance: Utterance, folder: Path) -> str:
    audio = utterance.audio_filepath.absolute()
    record: dict[str, Any] = {
        "audio_filepath": os.fspath(audio.relative_to(folder) if audio.is_relative_to(folder) else audio),
        "duration": utterance.duration,
        "text": utterance.text,
        "id": utterance.id,
    }
    if utterance.speaker is not None:
        record["speaker"] = utterance.speaker
    if utterance.offset:
        record["offset"] = utterance.offset
    return json.dumps(record, ensure_ascii=False)
