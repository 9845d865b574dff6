"""What a file of references or hypotheses holds, whatever its form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

Fact: TypeAlias = str | int | float | bool

NO_FACTS: Mapping[str, Fact] = MappingProxyType({})

TEXT, TRN, STM, CTM, JSON, TSV, KALDI = "text", "trn", "stm", "ctm", "json", "tsv", "kaldi"
FORMS = (TEXT, TRN, STM, CTM, JSON, TSV, KALDI)


@dataclass(frozen=True, slots=True)
class Entry:
    """An utterance of a file.

    `line`: its line, from 1, and `column` the number of characters before the text, for messages. `id` is None where
    the file gives none; `source`: the path of the sound, without suffix, where the file names it. `facts`:
    what else the file says of the utterance. `times`: start and end in seconds for each word, if they are known.
    """

    text: str
    line: int
    id: str | None = None
    source: str = ""
    facts: Mapping[str, Fact] = field(default_factory=lambda: NO_FACTS)
    times: Sequence[tuple[float, float]] = ()
    column: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A line of an stm: what was said from `start` to `end`, in seconds, in a channel of a recording.

    `ignored`: nothing in this time is scored. `line` and `column` are those of the text.
    """

    recording: str
    channel: str
    speaker: str
    start: float
    end: float
    text: str
    label: str
    ignored: bool
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A line of a ctm: a word from `start`, of `duration`, both in seconds; `line` is its number."""

    recording: str
    channel: str
    start: float
    duration: float
    word: str
    line: int

    @property
    def middle(self) -> float:
        return self.start + self.duration / 2


@dataclass(frozen=True, slots=True)
class Contents:
    """A file, the form that it was read as, and its utterances. `notes` are sentences for people.

    An stm has its `segments`, a ctm its `words`, in the order of time; their entries join those of each recording.
    """

    path: Path
    form: str
    entries: Sequence[Entry]
    notes: Sequence[str] = ()
    segments: Sequence[Segment] = field(default=(), repr=False)
    words: Sequence[TimedWord] = field(default=(), repr=False)

    def where(self, entry: Entry) -> str:
        """The place of an utterance, for messages."""
        return f"{self.path}, line {entry.line}"


def source_of(path: str, part: str = "") -> str:
    """A path without suffix; `part` says which part of the file is meant."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.rpartition('.')[0] or name}{part}"
