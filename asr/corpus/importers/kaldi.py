"""Kaldi's data directories -> entries for `asr import`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from asr.corpus.importers.entries import Entry, Row, num_channels
from asr.errors import ManifestError
from asr.files import stream_lines

_Lines: TypeAlias = Mapping[str, tuple[str, str]]  # first word of a line -> where that line is, and the rest of it


def read_kaldi(folder: Path, *, audio_folder: Path | None = None) -> list[Row]:
    """A Kaldi data directory: wav.scp, text, and, if they are there, segments, utt2spk and reco2file_and_channel.

    Relative paths in wav.scp are below `audio_folder`, else below `folder`. The fifth column of segments is a channel
    counted from 0: that is how Kaldi's extract-segments reads it, though a comment in its source says "1 or 2". The
    last column of reco2file_and_channel is a side, A or B, or a number from 1, as in NIST's ctm files, for which Kaldi
    has it; it is given for files of one channel too, and used only where a file has several.

    Raises:
        ManifestError: an id stands twice or is missing, or wav.scp has a command in place of a file; names the line.
    """
    sounds = {}
    for name, (where, sound) in _read_map(folder / "wav.scp").items():
        if sound.endswith("|"):
            raise ManifestError(
                f"{where}: the sound {name} is the output of a command, {sound:.80}, and commands are not run; write "
                "the sound into files, and name these in wav.scp"
            )
        sounds[name] = (audio_folder or folder) / sound
    channels = _channels(folder / "reco2file_and_channel", sounds)
    rows: list[Row] = [Entry(sound, None, name, channel=channels.get(name)) for name, sound in sounds.items()]
    if (folder / "segments").exists():
        segments = _read_map(folder / "segments")
        rows = [_segment(name, *line, sounds, channels) for name, line in segments.items()]
    else:
        segments = {}
    texts = _read_map(folder / "text")
    speakers = _read_map(folder / "utt2spk") if (folder / "utt2spk").exists() else {}
    known = segments or sounds
    return [
        *(row if isinstance(row, ManifestError) else _with_text(row, texts, speakers) for row in rows),
        *_without_sound(texts, known, "segments" if segments else "wav.scp"),
    ]


def _with_text(entry: Entry, texts: _Lines, speakers: _Lines) -> Entry:
    _, text = texts.get(entry.id or "", ("", None))
    _, speaker = speakers.get(entry.id or "", ("", None))
    return replace(entry, text=text, speaker=speaker)


def _without_sound(texts: _Lines, known: Mapping[str, object], file: str) -> Iterator[ManifestError]:
    for name, (where, _) in texts.items():
        if name not in known:
            yield ManifestError(f"{where}: the utterance {name} is not in {file}")


def _read_map(path: Path) -> _Lines:
    entries: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(stream_lines(path, ManifestError), start=1):
        name, *rest = line.split(maxsplit=1) or [""]
        where = f"{path}, line {number}"
        if not name or name in entries:
            raise ManifestError(f"{where}: " + (f"{name} stands twice" if name else "expected an id, found nothing"))
        entries[name] = where, " ".join(rest).strip()
    return entries


def _segment(name: str, where: str, rest: str, sounds: Mapping[str, Path], channels: Mapping[str, int]) -> Row:
    try:
        recording, first, last, *more = rest.split()
        start, end = float(first), float(last)
        (channel,) = map(int, more) if more else [channels.get(recording)]
    except ValueError:
        return ManifestError(
            f"{where}: expected an id, a recording, start and end in s, and perhaps a channel from 0, "
            f"found {rest!r:.80}"
        )
    if recording not in sounds:
        return ManifestError(f"{where}: the recording {recording} is not in wav.scp")
    if not (start >= 0 and (end > start or end == -1)):  # -1 is the end of the recording
        return ManifestError(f"{where}: starts at {start} s and ends at {end} s")
    if channel is not None and channel < 0:
        return ManifestError(f"{where}: the channel is {channel}, expected a number counted from 0")
    duration = None if end == -1 else end - start
    return Entry(sounds[recording], None, name, offset=start, duration=duration, channel=channel, where=where)


def _channels(path: Path, sounds: Mapping[str, Path]) -> dict[str, int]:
    """Recording -> channel, of the files that have several."""
    if not path.exists():
        return {}
    sides: dict[str, int] = {}
    for recording, (where, rest) in _read_map(path).items():
        side = rest.split()[-1] if rest else ""
        if not (side in ("A", "B") or (side.isascii() and side.isdigit() and int(side) > 0)):
            raise ManifestError(f"{where}: the channel is {side!r}, expected A or B, or a number counted from 1")
        sides[recording] = "AB".index(side) if side in ("A", "B") else int(side) - 1
    return {name: side for name, side in sides.items() if name in sounds and num_channels(sounds[name]) > 1}
