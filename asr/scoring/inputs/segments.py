"""Words with times and segments of a recording: which word belongs to which segment, and the text of a recording."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from asr.messages import named
from asr.scoring.inputs.contents import Contents, Entry, Fact, Segment, TimedWord

_DIGITS = 6  # of seconds: 4.2 + 0.3 / 2 and the 4.35 of a segment are the same time
_T = TypeVar("_T", Segment, TimedWord)


def segment_id(segment: Segment) -> str:
    """Recording, channel, speaker, start and end."""
    place = f"{segment.recording}-{segment.channel}-{segment.speaker}"
    return f"{place}-{segment.start:.3f}-{segment.end:.3f}"


def recording_of(part: Segment | TimedWord) -> str:
    """The name of a recording and its channel."""
    return f"{part.recording}-{part.channel}"


def words_of_segments(segments: Sequence[Segment], words: Sequence[TimedWord]) -> tuple[list[list[TimedWord]], int]:
    """For each segment its words; and how many words lie in none. Both are sorted, and of the same recordings.

    A word belongs to the first segment that ends after its middle, or else to the last, as in NIST's tools: so those
    before a segment, and in the gap before it, belong to it.
    """
    found: list[list[TimedWord]] = [[] for _ in segments]
    num_outside = 0
    places: dict[str, list[int]] = {}
    for place, segment in enumerate(segments):
        places.setdefault(recording_of(segment), []).append(place)
    latest = {name: _latest_ends([segments[place] for place in mine]) for name, mine in places.items()}
    for word in words:
        name, middle = recording_of(word), round(word.middle, _DIGITS)
        mine = places.get(name, [])
        if mine:
            place = mine[min(bisect_right(latest[name], middle), len(mine) - 1)]
            num_outside += not segments[place].start <= middle < segments[place].end
            found[place].append(word)
    return found, num_outside


def _latest_ends(segments: Iterable[Segment]) -> list[float]:
    """The latest end so far: the first segment that ends after a time is the first whose latest end is after it."""
    latest, ends = 0.0, []
    for segment in segments:
        latest = max(latest, segment.end)
        ends.append(latest)
    return ends


def entries_by_segment(references: Contents, hypotheses: Contents) -> tuple[list[Entry], list[Entry], list[str]]:
    """An stm and a ctm -> references and hypotheses by segment, without the ignored ones; and notes.

    Recordings of the ctm without a segment become an entry of their own, and those of which it has no word have none.
    """
    found, num_outside = words_of_segments(references.segments, hypotheses.words)
    heard = {recording_of(word) for word in hypotheses.words}
    known = {recording_of(segment) for segment in references.segments}
    wanted, given, num_ignored = [], [], 0
    for segment, words in zip(references.segments, found, strict=True):
        if segment.ignored:
            num_ignored += len(words)
            continue
        entry = _segment_entry(segment)
        wanted.append(entry)
        if recording_of(segment) in heard:
            times = [(word.start - segment.start, word.start + word.duration - segment.start) for word in words]
            text = " ".join(word.word for word in words)
            given.append(Entry(text, words[0].line if words else 0, id=entry.id, times=times))
    given += [entry for entry in hypotheses.entries if entry.id not in known]
    notes = []
    if num_outside:
        notes.append(f"{hypotheses.path}: {num_outside} words lie outside of all segments, and count to the next one")
    if num_ignored:
        notes.append(f"{hypotheses.path}: {num_ignored} words lie in ignored segments, and do not count")
    return wanted, given, notes


def _segment_entry(segment: Segment) -> Entry:
    facts: dict[str, Fact] = {
        "recording": segment.recording,
        "channel": segment.channel,
        "speaker": segment.speaker,
        **({"label": segment.label} if segment.label else {}),
        "start": segment.start,
        "duration": segment.end - segment.start,
    }
    return Entry(segment.text, segment.line, id=segment_id(segment), facts=facts, column=segment.column)


def joined_segments(segments: Sequence[Segment]) -> list[Entry]:
    """The texts of each recording and channel in one entry."""
    parts = (segment for segment in segments if not segment.ignored)
    return [_joined(name, [(segment, segment.text) for segment in group]) for name, group in _by_recording(parts)]


def joined_words(words: Sequence[TimedWord]) -> list[Entry]:
    """The words of each recording and channel in one entry."""
    entries = []
    for name, group in _by_recording(words):
        told = list(group)
        times = [(word.start, word.start + word.duration) for word in told]
        entries.append(replace(_joined(name, [(word, word.word) for word in told]), times=times))
    return entries


def _by_recording(parts: Iterable[_T]) -> Iterator[tuple[str, Iterator[_T]]]:
    return groupby(parts, key=recording_of)


def _joined(name: str, parts: Sequence[tuple[Segment | TimedWord, str]]) -> Entry:
    first = parts[0][0]
    facts = {"recording": first.recording, "channel": first.channel}
    return Entry(" ".join(text for _, text in parts), first.line, id=name, facts=facts)


def by_recording_alone(contents: Contents) -> Contents:
    """The same with the recording as the id, if it has no second channel: the other file may know of no channels."""
    recordings = [str(entry.facts["recording"]) for entry in contents.entries]
    doubled = [name for name in dict.fromkeys(recordings) if recordings.count(name) > 1]
    entries = [
        entry if name in doubled else replace(entry, id=name)
        for name, entry in zip(recordings, contents.entries, strict=True)
    ]
    notes = [*contents.notes, f"{contents.path}: a text is that of a whole recording, as the other file has no times"]
    if doubled:
        notes.append(f"{contents.path}: {named(doubled)}: have more than one channel, so ids end with the channel")
    return replace(contents, entries=entries, notes=notes)
