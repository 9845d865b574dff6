"""Corpora in the forms that other tools use -> the utterances of a manifest: `asr import`.

Each reader gives an `Entry` for an utterance, or a ManifestError for a line that it cannot read; `to_utterances` finds
out how long the sound files are, gives ids, and says what cannot be used. Here are the readers of folders and of
NeMo's manifests; those of tables, of Kaldi's directories and of what other packages read are beside (`tables.py`,
`kaldi.py`, `packed.py`).
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from asr.audio import audio_info
from asr.channels import Channels
from asr.corpus.durations import read_durations
from asr.corpus.manifest import MAX_NAMED, DoubledKeyError, Utterance, parse_record, part_of_file
from asr.errors import AudioError, ManifestError
from asr.files import read_lines, stream_lines

SOUNDS = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".sph", ".aiff", ".aif", ".au", ".m4a", ".caf"})
_LISTS = frozenset({".csv", ".tsv", ".json", ".jsonl", ".txt", ".lab", ".trn", ".stm", ".srt", ".textgrid"})
_MOST_OVERSHOOT = 0.5  # seconds that a part may end behind its file, as in Kaldi's extract-segments
_MOST_SECONDS_OFF = 0.1  # of a duration that is said of a whole file; beyond, it is that of its beginning


@dataclass(frozen=True, slots=True)
class Entry:
    """What a source says of an utterance; times in seconds, `channel` as of `asr.audio.load_audio`.

    Without a `duration`, it is the rest of its file. `where` is the line that says so, for messages.
    """

    audio: Path
    text: str | None
    id: str | None = None
    speaker: str | None = None
    offset: float | None = None
    duration: float | None = None
    channel: Channels = None
    where: str | None = None


Row: TypeAlias = Entry | ManifestError


def to_utterances(
    rows: Sequence[Row], *, source: Path, skip_missing: bool = False
) -> tuple[list[Utterance], str | None]:
    """The utterances, and a message on what was left out, if anything was.

    Raises:
        ManifestError: there is nothing to import, an id stands twice, or, without `skip_missing`, lines are broken, or
            sound files or texts are missing; names the first ten, and their count.
    """
    entries = [row for row in rows if isinstance(row, Entry)]
    named = zip(entries, _ids(entries, source), read_durations([entry.audio for entry in entries]), strict=True)
    results = [row if isinstance(row, ManifestError) else _utterance(*next(named)) for row in rows]
    utterances = [result for result in results if isinstance(result, Utterance)]
    problems = [str(result) for result in results if not isinstance(result, Utterance)]
    if not rows:
        raise ManifestError(f"{source}: there are no utterances in it")
    if not problems:
        return utterances, None
    more = f"; and {len(problems) - MAX_NAMED} more" if len(problems) > MAX_NAMED else ""
    message = f"{len(problems)} of {len(rows)} utterances can not be used: {'; '.join(problems[:MAX_NAMED])}{more}"
    if not utterances:
        raise ManifestError(f"{source}: {message}")
    if not skip_missing:
        raise ManifestError(
            f"{source}: {message}; put that right, or leave them out with --skip-missing, which keeps {len(utterances)}"
        )
    return utterances, f"left out: {message}"


def read_folder(folder: Path) -> list[Row]:
    """Sound files anywhere below `folder`, each with its text in a .txt of the same name beside it.

    Raises:
        ManifestError: there are no sound files, or none of them has a text.
    """
    if not folder.is_dir():
        raise ManifestError(f"{folder}: no such folder")
    files = sorted(_files_below(folder))
    sounds = [path for path in files if path.suffix.lower() in SOUNDS]
    if not sounds:
        raise ManifestError(f"{folder}: no sound files in it ({', '.join(sorted(SOUNDS))}); is it the right folder?")
    texts = {path.with_suffix(""): path for path in files if path.suffix.lower() == ".txt"}
    if not any(sound.with_suffix("") in texts for sound in sounds):
        raise ManifestError(_without_texts(folder, sounds, files))
    return [_folder_row(sound, folder, texts.get(sound.with_suffix(""))) for sound in sounds]


def read_nemo(path: Path, *, audio_folder: Path | None = None) -> list[Row]:
    """A manifest of NVIDIA NeMo: JSON lines, as the manifests of `asr`, but `duration` may be missing, and ids too.

    Raises:
        ManifestError: the file is missing or not UTF-8.
    """
    lines = enumerate(stream_lines(path, ManifestError), start=1)
    return [_nemo_row(line, f"{path}, line {n}", audio_folder or path.parent) for n, line in lines if line.strip()]


def num_channels(path: Path) -> int:
    """Of a sound file; 0 if it cannot be used."""
    try:
        return audio_info(path).num_channels
    except AudioError:
        return 0


def _utterance(entry: Entry, name: str, length: float | AudioError) -> Utterance | ManifestError:
    start = entry.offset or 0.0
    if isinstance(length, AudioError):
        return _problem(entry, str(length))
    if entry.text is None:
        return _problem(entry, f"{entry.audio}: there is no text for {name}")
    rest = length - start
    if rest <= 0:
        return _problem(entry, f"{entry.audio}: {name} starts at {start} s, but the sound ends at {length:.3f} s")
    duration = rest if entry.duration is None else entry.duration
    offset = entry.offset
    if offset is None and duration < length - _MOST_SECONDS_OFF:
        offset = 0.0  # the beginning of a file, and not the whole
    if offset is not None and duration > rest + _MOST_OVERSHOOT:
        end = f"{start + duration:.3f} s, but the sound ends at {length:.3f} s"
        return _problem(entry, f"{entry.audio}: {name} ends at {end}")
    if entry.channel is not None:
        wanted = (entry.channel,) if isinstance(entry.channel, int) else entry.channel
        if max(wanted) >= (count := num_channels(entry.audio)):
            said = f"{name} is in channel {max(wanted)} from 0, but it has {count}"
            return _problem(entry, f"{entry.audio}: {said}")
    return Utterance(
        audio_filepath=entry.audio,
        duration=min(duration, rest),
        text=entry.text,
        id=name,
        speaker=entry.speaker,
        offset=offset,
        channel_selector=entry.channel,
    )


def _problem(entry: Entry, what: str) -> ManifestError:
    return ManifestError(what if entry.where is None else f"{entry.where}: {what}")


def _ids(entries: Sequence[Entry], source: Path) -> list[str]:
    """The ids that are given, else the names of the files if they differ, else their paths; with what tells parts of a
    file from each other."""
    parts = [part_of_file(entry.offset, entry.channel) for entry in entries]
    short = [entry.audio.stem + part for entry, part in zip(entries, parts, strict=True)]
    counts = Counter(short)
    ids = [
        entry.id or (name if counts[name] == 1 else entry.audio.with_suffix("").as_posix() + part)
        for entry, name, part in zip(entries, short, parts, strict=True)
    ]
    name, count = Counter(ids).most_common(1)[0] if ids else ("", 0)
    if count > 1:
        lines = [entry.where for entry, id in zip(entries, ids, strict=True) if id == name and entry.where]
        where = f" ({'; '.join(lines[:MAX_NAMED])})" if lines else ""
        raise ManifestError(f"{source}: the utterance {name} stands {count} times in it{where}; expected each once")
    return ids


def _files_below(folder: Path) -> Iterator[Path]:
    """All files, also behind links to folders; what macOS keeps beside files in archives (._name) is none of them."""
    seen = set()
    for above, folders, names in os.walk(folder, followlinks=True):
        status = Path(above).stat()
        if (place := (status.st_dev, status.st_ino)) in seen:  # a link leads back to a folder above
            folders.clear()
            continue
        seen.add(place)
        yield from (Path(above, name) for name in names if not name.startswith("._"))


def _folder_row(sound: Path, folder: Path, text: Path | None) -> Row:
    """What a person wrote into lines is one text."""
    name = sound.relative_to(folder).with_suffix("").as_posix()
    try:
        words = None if text is None else " ".join(read_lines(text, ManifestError)).split()
    except ManifestError as error:
        return error
    return Entry(sound, None if words is None else " ".join(words), id=name)


def _without_texts(folder: Path, sounds: Sequence[Path], files: Iterable[Path]) -> str:
    """What was looked for, what is there instead, and what to do."""
    expected = sounds[0].with_suffix(".txt").name
    lists = [str(path.relative_to(folder)) for path in files if path.suffix.lower() in _LISTS or path.name == "wav.scp"]
    there = "no other file that could hold texts"
    if lists:
        more = f" and {len(lists) - MAX_NAMED} more" if len(lists) > MAX_NAMED else ""
        there = f"but other files that may hold them: {', '.join(lists[:MAX_NAMED])}{more}"
    return (
        f"{folder}: none of its {len(sounds)} sound files has a text; looked for a .txt of the same name beside each, "
        f"such as {expected} beside {sounds[0].relative_to(folder)}; found {there}. If the texts stand in one table, "
        "give that: asr import csv TABLE OUT (or tsv, kaldi, nemo), with --audio-folder where paths start elsewhere; "
        "else write a .txt for each sound"
    )


def _nemo_row(line: str, where: str, folder: Path) -> Row:
    try:
        record: Any = parse_record(line)
        audio, text = record["audio_filepath"], record["text"]
        name, speaker = (None if record.get(key) is None else str(record[key]) for key in ("id", "speaker"))
        offset, duration = (None if record.get(key) is None else float(record[key]) for key in ("offset", "duration"))
        channel = _nemo_channel(record.get("channel_selector"))
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


def _nemo_channel(value: Any) -> Channels:
    if value is None or value == "average":
        return None
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError
    return int(numbers[0]) if len(numbers) == 1 else tuple(numbers)
