"""Corpora in the forms that other tools use -> the utterances of a manifest: `asr import`.

Each reader gives `Entry` records; `to_utterances` finds out how long their sound files are, and gives them ids.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asr.corpus.durations import read_durations
from asr.corpus.manifest import MAX_NAMED, Utterance
from asr.errors import AudioError, ManifestError
from asr.files import parse_json, read_lines

SOUNDS = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".sph", ".aiff", ".aif", ".au", ".m4a", ".caf"})
# Names of columns in use, most telling first: of NeMo, Common Voice, DeepSpeech, Hugging Face and others.
AUDIO_COLUMNS = ("audio_filepath", "audio", "path", "wav_filename", "wav", "file", "filename", "file_name")
TEXT_COLUMNS = ("text", "sentence", "transcript", "transcription")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "client_id")
ID_COLUMNS = ("id", "utterance_id", "utt_id")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a source says of an utterance; times in seconds. Without a `duration`, it is the rest of its file."""

    audio: Path
    text: str | None
    id: str | None = None
    speaker: str | None = None
    offset: float | None = None
    duration: float | None = None


def to_utterances(
    entries: Sequence[Entry], *, source: Path, skip_missing: bool = False
) -> tuple[list[Utterance], str | None]:
    """The utterances, and a message on what was left out, if anything was.

    Raises:
        ManifestError: there is nothing to import, an id stands twice, or, without `skip_missing`, sound files or texts
            are missing; names the first ten, and their count.
    """
    utterances, problems = [], []
    lengths = read_durations([entry.audio for entry in entries])
    for entry, name, length in zip(entries, _ids(entries, source), lengths, strict=True):
        if isinstance(length, AudioError):
            problems.append(str(length))
        elif entry.text is None:
            problems.append(f"{entry.audio}: there is no text for {name}")
        elif (rest := length - (entry.offset or 0.0)) <= 0:
            problems.append(f"{entry.audio}: {name} starts at {entry.offset} s, but the sound ends at {length:.3f} s")
        else:
            duration = rest if entry.duration is None else min(entry.duration, rest)
            utterances.append(Utterance(entry.audio, duration, entry.text, name, entry.speaker, entry.offset))
    more = f"; and {len(problems) - MAX_NAMED} more" if len(problems) > MAX_NAMED else ""
    message = f"{len(problems)} of {len(entries)} utterances can not be used: {'; '.join(problems[:MAX_NAMED])}{more}"
    if problems and not skip_missing:
        raise ManifestError(f"{source}: {message}; leave them out with --skip-missing")
    if not utterances:
        raise ManifestError(f"{source}: " + (message if problems else "there are no utterances in it"))
    return utterances, f"left out: {message}" if problems else None


def read_folder(folder: Path) -> list[Entry]:
    """Sound files anywhere below `folder`, each with its text in a .txt of the same name beside it.

    Raises:
        ManifestError: there are none, or a text is not UTF-8.
    """
    sounds = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUNDS and path.is_file())
    if not folder.is_dir():
        raise ManifestError(f"{folder}: no such folder")
    if not sounds:
        raise ManifestError(f"{folder}: no sound files in it ({', '.join(sorted(SOUNDS))}); is it the right folder?")
    names = [sound.relative_to(folder).with_suffix("").as_posix() for sound in sounds]
    return [Entry(sound, _text_beside(sound), id=name) for sound, name in zip(sounds, names, strict=True)]


def read_table(
    path: Path,
    *,
    separator: str,
    audio_column: str | None = None,
    text_column: str | None = None,
    audio_folder: Path | None = None,
) -> list[Entry]:
    """A table whose first line names its columns; relative paths of sound files are below `audio_folder`, else below
    the table's. Columns that are not named are found by the names in use. In a table separated by tabs, quotation marks
    are a part of the text.

    Raises:
        ManifestError: a column can not be found, or a line has not as many cells as there are columns; names it.
    """
    rows = _rows(path, separator)
    _, names = next(rows, (1, []))
    audio = _column(names, audio_column, AUDIO_COLUMNS, where=f"{path}: no column of sound files (--audio-column)")
    text = _column(names, text_column, TEXT_COLUMNS, where=f"{path}: no column of texts (--text-column)")
    speaker, name = (_first_in(names, known) for known in (SPEAKER_COLUMNS, ID_COLUMNS))
    entries = []
    for line, cells in rows:
        if len(cells) != len(names):
            raise ManifestError(f"{path}, line {line}: {len(cells)} cells, expected {len(names)}: {', '.join(names)}")
        row = dict(zip(names, cells, strict=True))
        sound = (audio_folder or path.parent) / row[audio]
        entries.append(Entry(sound, row[text], row[name] if name else None, row[speaker] if speaker else None))
    return entries


def read_kaldi(folder: Path, *, audio_folder: Path | None = None) -> list[Entry]:
    """A Kaldi data directory: wav.scp, text, and, if they are there, segments and utt2spk.

    Relative paths in wav.scp are below `audio_folder`, else below `folder`.

    Raises:
        ManifestError: a file is broken, or wav.scp has a command in place of a file; names the line.
    """
    sounds = {}
    for name, (where, sound) in _kaldi_map(folder / "wav.scp").items():
        if sound.endswith("|"):
            raise ManifestError(
                f"{where}: the sound {name} is the output of a command, {sound:.80}, and commands are not run; write "
                "the sound into files, and name these in wav.scp"
            )
        sounds[name] = (audio_folder or folder) / sound
    entries = [Entry(sound, None, name) for name, sound in sounds.items()]
    if (folder / "segments").exists():
        entries = list(_kaldi_segments(folder / "segments", sounds))
    texts = {name: text for name, (_, text) in _kaldi_map(folder / "text").items()}
    utt2spk = _kaldi_map(folder / "utt2spk") if (folder / "utt2spk").exists() else {}
    speakers = {name: speaker for name, (_, speaker) in utt2spk.items()}
    return [replace(entry, text=texts.get(entry.id or ""), speaker=speakers.get(entry.id or "")) for entry in entries]


def read_nemo(path: Path, *, audio_folder: Path | None = None) -> list[Entry]:
    """A manifest of NVIDIA NeMo: JSON lines, as the manifests of `asr`, but `duration` may be missing, and ids too.

    Raises:
        ManifestError: a line is not JSON, or has no sound file or no text; names it.
    """
    lines = enumerate(read_lines(path, ManifestError), start=1)
    return [_nemo_entry(line, f"{path}, line {number}", audio_folder or path.parent) for number, line in lines if line]


def _ids(entries: Sequence[Entry], source: Path) -> list[str]:
    """The ids that are given, else the names of the files if they differ, else their paths; with a start, if any."""
    starts = ["" if entry.offset is None else f"-{round(1000 * entry.offset):08}" for entry in entries]
    short = [entry.audio.stem + start for entry, start in zip(entries, starts, strict=True)]
    counts = Counter(short)
    ids = [
        entry.id or (name if counts[name] == 1 else entry.audio.with_suffix("").as_posix() + start)
        for entry, name, start in zip(entries, short, starts, strict=True)
    ]
    name, count = Counter(ids).most_common(1)[0] if ids else ("", 0)
    if count > 1:
        raise ManifestError(f"{source}: the utterance {name} stands {count} times in it; expected each of them once")
    return ids


def _text_beside(sound: Path) -> str | None:
    """What a person wrote into lines is one text."""
    path = sound.with_suffix(".txt")
    return " ".join(" ".join(read_lines(path, ManifestError)).split()) if path.is_file() else None


def _rows(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not blank, with their numbers."""
    lines = (line + "\n" for line in read_lines(path, ManifestError))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    if separator == "\t":
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise ManifestError(f"{path}, line {reader.line_num}: not a table that can be read: {error}") from None


def _column(names: Sequence[str], wanted: str | None, known: Sequence[str], *, where: str) -> str:
    expected = known if wanted is None else [wanted]
    found = _first_in(names, expected)
    if found is None:
        raise ManifestError(f"{where}: the first line has {', '.join(names)}; expected {' or '.join(expected)}")
    return found


def _first_in(names: Sequence[str], known: Sequence[str]) -> str | None:
    return next((name for name in known if name in names), None)


def _kaldi_map(path: Path) -> dict[str, tuple[str, str]]:
    """First word of each line -> where that line is, and the rest of it."""
    entries: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(read_lines(path, ManifestError), start=1):
        name, *rest = line.split(maxsplit=1) or [""]
        where = f"{path}, line {number}"
        if not name or name in entries:
            raise ManifestError(f"{where}: " + (f"{name} stands twice" if name else "expected an id, found nothing"))
        entries[name] = where, " ".join(rest).strip()
    return entries


def _kaldi_segments(path: Path, sounds: dict[str, Path]) -> Iterator[Entry]:
    for name, (where, rest) in _kaldi_map(path).items():
        try:
            recording, first, last = rest.split()
            start, end = float(first), float(last)
        except ValueError:
            raise ManifestError(
                f"{where}: expected an id, a recording, start and end in s, found {rest!r:.80}"
            ) from None
        if recording not in sounds:
            raise ManifestError(f"{where}: the recording {recording} is not in wav.scp")
        if not (start >= 0 and (end > start or end == -1)):  # -1 is the end of the recording
            raise ManifestError(f"{where}: starts at {start} s and ends at {end} s")
        yield Entry(sounds[recording], None, name, offset=start, duration=None if end == -1 else end - start)


def _nemo_entry(line: str, where: str, folder: Path) -> Entry:
    try:
        record: Any = parse_json(line)
        audio, text = record["audio_filepath"], record["text"]
        name, speaker = (None if record.get(key) is None else str(record[key]) for key in ("id", "speaker"))
        offset, duration = (None if record.get(key) is None else float(record[key]) for key in ("offset", "duration"))
        if not isinstance(audio, str) or not isinstance(text, str):
            raise TypeError
        if not ((offset is None or offset >= 0) and (duration is None or duration > 0)):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ManifestError(
            f'{where}: expected a JSON object with the texts "audio_filepath" and "text", and "offset" and "duration" '
            f"in seconds, if any; found {line:.80}"
        ) from None
    return Entry(folder / audio, text, name, speaker, offset, duration)
