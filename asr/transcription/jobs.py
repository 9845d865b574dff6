"""Many recordings, one after the other; a broken one does not stop the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from asr.audio import audio_info, load_audio
from asr.errors import AudioError
from asr.recognizer import Recognizer
from asr.transcript import Transcript

ChannelChoice: TypeAlias = Literal["mix", "each"] | int
"""What of a recording is transcribed: the mean of its channels, each channel, or one of them, counted from 1."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a recording: its transcripts, one a channel, or the reason why there are none."""

    source: Path
    outcome: tuple[Transcript, ...] | AudioError


def transcribe_files(
    recognizer: Recognizer, files: Iterable[Path], *, channels: ChannelChoice = "mix"
) -> Iterator[Result]:
    """The result of each file as soon as it is ready, with one file in memory at a time."""
    for file in files:
        try:
            yield Result(file, _transcripts(recognizer, file, channels))
        except AudioError as error:
            yield Result(file, error)


def _transcripts(recognizer: Recognizer, file: Path, channels: ChannelChoice) -> tuple[Transcript, ...]:
    if channels == "mix":
        return (recognizer.transcribe(file),)
    numbers = range(1, audio_info(file).num_channels + 1) if channels == "each" else [channels]
    return tuple(
        replace(recognizer.transcribe(load_audio(file, channel=number - 1)), source=str(file), channel=number)
        for number in numbers
    )
