"""A manifest of NVIDIA NeMo -> entries for `asr import`."""

from pathlib import Path
from typing import Any

from asr.channels import Channels
from asr.corpus.importers.entries import Entry, Row
from asr.corpus.manifest import DoubledKeyError, parse_record
from asr.errors import ManifestError
from asr.files import stream_lines


def read_nemo(path: Path, *, audio_folder: Path | None = None) -> list[Row]:
    """A manifest of NVIDIA NeMo: JSON lines, as the manifests of `asr`, but `duration` may be missing, and ids too.

    Raises:
        ManifestError: the file is missing or not UTF-8.
    """
    lines = enumerate(stream_lines(path, ManifestError), start=1)
    return [_row(line, f"{path}, line {n}", audio_folder or path.parent) for n, line in lines if line.strip()]


def _row(line: str, where: str, folder: Path) -> Row:
    try:
        record: Any = parse_record(line)
        audio, text = record["audio_filepath"], record["text"]
        name, speaker = (None if record.get(key) is None else str(record[key]) for key in ("id", "speaker"))
        offset, duration = (None if record.get(key) is None else float(record[key]) for key in ("offset", "duration"))
        channel = _channel(record.get("channel_selector"))
        if not isinstance(audio, str) or not isinstance(text, str):
            raise TypeError
        if not ((offset is None or offset >= 0) and (duration is None or duration > 0)):
            raise ValueError
    except DoubledKeyError as error:
        return ManifestError(f"{where}: the key {error.args[0]!r} stands twice; which one is right?")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ManifestError(
            f'{where}: expected a JSON object with the texts "audio_filepath" and "text", and "offset" and "duration" '
            f'in seconds and "channel_selector", a number from 0 or several, if any; found {line:.80}'
        )
    return Entry(folder / audio, text, name, speaker, offset, duration, channel, where)


def _channel(value: Any) -> Channels:
    if value is None or value == "average":
        return None
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError
    return int(numbers[0]) if len(numbers) == 1 else tuple(numbers)
