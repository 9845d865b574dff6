"""Manifests: JSON lines, one utterance a line, with NeMo's keys, so that existing manifests load as they are.

    {"audio_filepath": "wav/a.wav", "duration": 2.5, "text": "HELLO", "id": "a", "speaker": "s1", "offset": 0.0}

`audio_filepath` is relative to the manifest's folder unless absolute; `id`, `speaker` and `offset` may be left out.
"channel_selector" is the channel to use, counted from 0, or a list of channels to average; without it, or with
"average", all channels are averaged.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asr.errors import ManifestError
from asr.files import HALF_CHARACTER, parse_json, read_lines, write_text
from asr.messages import named
from asr.utterance_parts import part_of_file

MAX_SECONDS = 120.0  # of an utterance; on longer ones CTC learns badly, and a batch takes gigabytes
_MAX_NUMBER = 1e9  # of seconds


@dataclass(frozen=True, slots=True)
class Utterance:
    """One line of a manifest. `duration` and `offset` are in seconds; `text` is the transcript as given.

    With an `offset` the utterance is a part of its file; without one, it is the whole file. `channel_selector`: as
    `channel` of `asr.audio.load_audio`.
    """

    audio_filepath: Path
    duration: float
    text: str
    id: str
    speaker: str | None = None
    offset: float | None = None
    channel_selector: int | tuple[int, ...] | None = None
    line: int = field(default=0, compare=False)  # of the manifest, for messages


def read_manifest(path: Path, *, check_files: bool = True) -> list[Utterance]:
    """All utterances of a manifest, in order.

    Raises:
        ManifestError: names the line of broken JSON, or of a missing or wrong key, or of a doubled id;
            with `check_files` names the first ten sound files that are missing, and their count.
    """
    utterances: list[Utterance] = []
    lines_of_ids: dict[str, int] = {}
    for number, line in enumerate(read_lines(path, ManifestError), start=1):
        if line.strip():
            utterance = parse_line(line, path, number)
            first = lines_of_ids.setdefault(utterance.id, number)
            if first != number:
                raise ManifestError(
                    f"{path}, line {number}: the id {utterance.id!r} stands on line {first} already; give each "
                    'utterance its own "id" (without one, the name of the sound file and the offset are taken)'
                )
            utterances.append(utterance)
    if not utterances:
        raise ManifestError(f"{path}: the manifest has no utterances; expected one JSON object a line")
    if check_files:
        refuse_missing_files(utterances, path)
    return utterances


def write_manifest(path: Path, utterances: Iterable[Utterance]) -> None:
    """Write a manifest, whole or not at all; sound files below its folder are written as relative paths."""
    write_text(path, "".join(format_line(utterance, path.parent) + "\n" for utterance in utterances))


def parse_line(line: str, path: Path, number: int) -> Utterance:
    """One line of a manifest; `path` of the manifest and `number` of the line are for messages.

    Raises:
        ManifestError: it is no JSON object, or a key is missing or wrong; names the line.
    """
    try:
        return parse_utterance(line, path.parent, number)
    except ManifestError as error:
        raise ManifestError(f"{path}, line {number}: {error}") from None


def parse_utterance(line: str, folder: Path, number: int) -> Utterance:
    """Line `number` of a manifest in `folder`.

    Raises:
        ManifestError: as `parse_line`, but without the place of the line.
    """
    try:
        record = parse_record(line)
    except json.JSONDecodeError as error:
        raise ManifestError(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except DoubledKeyError as error:
        raise ManifestError(f"the key {error.args[0]!r} stands twice; which one is right?") from None
    except (ValueError, RecursionError):
        raise ManifestError("not JSON that can be read: a number or a nesting without end") from None
    if not isinstance(record, dict):
        raise ManifestError(f"expected a JSON object, found {type(record).__name__}")
    # null counts as missing: some tools write "offset" and "speaker" so.
    record = {key: value for key, value in record.items() if value is not None}
    audio = _text(record, "audio_filepath")
    offset = _seconds(record, "offset") if "offset" in record else None
    channels = _channels(record.get("channel_selector", "average"))
    return Utterance(
        audio_filepath=folder / audio,
        duration=_seconds(record, "duration"),
        text=_whole_text(record, "text"),
        id=_whole_text({"id": Path(audio).stem + part_of_file(offset, channels), **record}, "id"),
        speaker=_whole_text(record, "speaker") if "speaker" in record else None,
        offset=offset,
        channel_selector=channels,
        line=number,
    )


class DoubledKeyError(ValueError):
    """A key that stands twice in one JSON object: readers would silently drop the first."""


def parse_record(line: str) -> Any:
    """The JSON value of a line.

    Raises:
        ValueError: it is not JSON, nested too deeply, or (DoubledKeyError) a key stands twice in an object.
    """
    record = parse_json(line)
    # Checking each pair takes twice as long, so only lines with more colons than keys are checked.
    if isinstance(record, dict) and line.count(":") == len(record):
        return record
    return json.loads(line, object_pairs_hook=_without_doubled_keys)


def _without_doubled_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for key, value in pairs:
        if key in record:
            raise DoubledKeyError(key)
        record[key] = value
    return record


def _value(record: dict[str, Any], key: str, kinds: tuple[type, ...]) -> Any:
    if key not in record:
        raise ManifestError(f"the key {key!r} is missing")
    value = record[key]
    if not isinstance(value, kinds) or isinstance(value, bool):
        expected = "a text" if str in kinds else "a number"
        raise ManifestError(f"{key!r} is {value!r:.80}, expected {expected}")
    return value


def _text(record: dict[str, Any], key: str) -> str:
    return str(_value(record, key, (str,)))


def _whole_text(record: dict[str, Any], key: str) -> str:
    """Ids and speakers may be numbers. Only a path may hold half a surrogate pair, as a file name can."""
    text = str(_value(record, key, (str,) if key == "text" else (str, int)))
    if half := HALF_CHARACTER.search(text):
        raise ManifestError(f"{key!r} holds half of a surrogate pair, {half[0]!r}, which is no character")
    return text


def _seconds(record: dict[str, Any], key: str) -> float:
    value = _value(record, key, (int, float))
    if not 0 <= value <= _MAX_NUMBER:
        raise ManifestError(f"{key!r} is {value!r:.80}, expected seconds, zero or more")
    return float(value)


def _channels(value: Any) -> int | tuple[int, ...] | None:
    if value == "average":
        return None
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(type(number) is int and number >= 0 for number in numbers):
        raise ManifestError(
            f"'channel_selector' is {value!r:.80}, expected the number of a channel (the first is 0), a list "
            'of such numbers, or "average"'
        )
    return tuple(numbers) if isinstance(value, list) else int(value)


def without_missing_files(utterances: list[Utterance], path: Path) -> tuple[list[Utterance], str | None]:
    """The utterances whose sound files exist, and a message on the others, if there are any.

    Raises:
        ManifestError: all are missing.
    """
    kept = [u for u in utterances if _is_file(u.audio_filepath)]
    if not kept:
        refuse_missing_files(utterances, path)
    if len(kept) == len(utterances):
        return kept, None
    return kept, f"left out: {_missing(utterances, path)}"


def refuse_long(utterances: Iterable[Utterance], path: Path, max_seconds: float) -> None:
    """Refuse a manifest with utterances that are too long to train on.

    Raises:
        ManifestError: names the first ten, and the limit.
    """
    if found := [f"{u.id} (line {u.line}, {u.duration:.0f} s)" for u in utterances if u.duration > max_seconds]:
        raise ManifestError(
            f"{path}: {len(found)} utterances are longer than data.max_seconds, {max_seconds:g}: {named(found)}; "
            "cut them into sentences, leave them out with `asr doctor --fix`, or raise data.max_seconds"
        )


def refuse_missing_files(utterances: list[Utterance], path: Path, *, remedy: str = "`asr doctor --fix`") -> None:
    """Refuse a manifest with missing sound files.

    Raises:
        ManifestError: names the first ten, their count, and the remedy that leaves them out.
    """
    if missing := _missing(utterances, path):
        raise ManifestError(f"{missing}; put them there, or leave them out with {remedy}")


def _missing(utterances: list[Utterance], path: Path) -> str | None:
    missing = [str(u.audio_filepath) for u in utterances if not _is_file(u.audio_filepath)]
    if not missing:
        return None
    return f"{path}: {len(missing)} of {len(utterances)} sound files are missing: {named(missing)}"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name is too long, or a folder above is closed to us
        return False


def format_line(utterance: Utterance, folder: Path) -> str:
    """The line, without its end, of a manifest in `folder`."""
    record: dict[str, Any] = {
        "audio_filepath": os.fspath(_relative(utterance.audio_filepath, folder)),
        "duration": utterance.duration,
        "text": utterance.text,
        "id": utterance.id,
    }
    if utterance.speaker is not None:
        record["speaker"] = utterance.speaker
    if utterance.offset is not None:
        record["offset"] = utterance.offset
    if utterance.channel_selector is not None:
        record["channel_selector"] = utterance.channel_selector
    line = json.dumps(record, ensure_ascii=False)
    # A file name that is not UTF-8 has to be escaped.
    return json.dumps(record) if HALF_CHARACTER.search(line) else line


def _relative(audio: Path, folder: Path) -> Path:
    """`audio` relative to `folder` if it is below it, by the paths as written or with links resolved."""
    for file, above in ((audio.absolute(), folder.absolute()), (audio.parent.resolve() / audio.name, folder.resolve())):
        if file.is_relative_to(above):
            return file.relative_to(above)
    return audio.absolute()
