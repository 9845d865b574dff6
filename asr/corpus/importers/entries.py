"""The output of every importer: an `Entry` for an utterance, or a ManifestError for a line that it cannot read.

`to_utterances` finds out how long the sound files are, gives ids, and says what cannot be used.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from asr.audio import audio_info
from asr.channels import Channels
from asr.corpus.durations import read_durations
from asr.corpus.manifest import Utterance
from asr.errors import AudioError, ManifestError
from asr.messages import MAX_NAMED, named
from asr.utterance_parts import part_of_file

_MOST_OVERSHOOT = 0.5  # seconds by which a part may end beyond its file, as in Kaldi's extract-segments
_MOST_SECONDS_OFF = 0.1  # by which a whole file's duration may be off; a shorter one means only its beginning


@dataclass(frozen=True, slots=True)
class Entry:
    """An utterance as its source describes it; times in seconds, `channel` as of `asr.audio.load_audio`.

    Without a `duration`, it is the rest of its file. `where` is its line in the source, for messages.
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
    with_ids = zip(entries, _ids(entries, source), read_durations([entry.audio for entry in entries]), strict=True)
    results = [row if isinstance(row, ManifestError) else _utterance(*next(with_ids)) for row in rows]
    utterances = [result for result in results if isinstance(result, Utterance)]
    problems = [str(result) for result in results if not isinstance(result, Utterance)]
    if not rows:
        raise ManifestError(f"{source}: there are no utterances in it")
    if not problems:
        return utterances, None
    message = f"{len(problems)} of {len(rows)} utterances cannot be used: {named(problems, separator='; ')}"
    if not utterances:
        raise ManifestError(f"{source}: {message}")
    if not skip_missing:
        raise ManifestError(
            f"{source}: {message}; put that right, or leave them out with --skip-missing, which keeps {len(utterances)}"
        )
    return utterances, f"left out: {message}"


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
    """The given ids, else the file names if they differ, else the paths; with a suffix for parts of a file."""
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
