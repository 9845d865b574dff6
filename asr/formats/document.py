"""What is written of a recording: the transcripts of all its channels."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote_from_bytes

from asr.transcript import Segment, Transcript

_NOT_IN_COLUMNS = re.compile(r"[\s%\x00-\x1f\x7f\ud800-\udfff]|^;")


@dataclass(frozen=True, slots=True)
class Document:
    """`id` names the recording, and `channels` has at least one transcript, in the order of their channels."""

    id: str
    channels: tuple[Transcript, ...]

    @classmethod
    def of(cls, transcript: Transcript) -> "Document":
        """That of a recording that was transcribed as one channel; its id is the name of the sound without suffix."""
        return cls(Path(transcript.source).stem or "audio", (transcript,))

    @property
    def source(self) -> str:
        return self.channels[0].source

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.channels[0].duration

    @property
    def column_id(self) -> str:
        """The id for formats whose columns are separated by spaces."""
        return as_column(self.id)

    @property
    def printed(self) -> "Document":
        """The same for people: words as they are printed, if the model has a tagger (`Transcript.printed`)."""
        return replace(self, channels=tuple(transcript.printed() for transcript in self.channels))

    def segments(self) -> Iterator[tuple[int, Segment]]:
        """The segments of all channels, by their start, each with its channel."""
        told = [(transcript.channel, segment) for transcript in self.channels for segment in transcript.segments]
        yield from sorted(told, key=lambda item: (item[1].start, item[0]))

    def label(self, channel: int) -> str:
        """What stands before a line of this channel, for people: nothing if there is only one."""
        return f"[{channel}] " if len(self.channels) > 1 else ""


def as_column(id: str) -> str:
    """An id in which what would break a line of columns is written as %20 and so on; different ids stay different."""
    return _NOT_IN_COLUMNS.sub(lambda found: quote_from_bytes(os.fsencode(found[0]), ""), id)
