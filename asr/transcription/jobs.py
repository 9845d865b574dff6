"""Many sound files: read, transcribed in batches across files, and given out in their order; a broken one does not stop
the rest.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from asr.audio import SAMPLE_RATE, audio_info, distinct_channels, read_blocks, tell_once
from asr.errors import AsrError, AudioError
from asr.longform.pipeline import Recording, transcribe_recordings
from asr.longform.recording import PassageResult
from asr.recognizer import Recognizer
from asr.transcript import Transcript

ChannelChoice: TypeAlias = Literal["mix", "each"] | int
"""What of a recording is transcribed: the mean of its channels, each channel, or one of them, counted from 1."""

Known: TypeAlias = Mapping[int, Sequence[PassageResult]]
"""Of a file: what an earlier run has found in the first passages of its channels, counted from 1."""

_BLOCK_SECONDS = 10.0  # in which files are read


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a recording: its transcripts, one a channel, or the reason why there are none."""

    source: Path
    outcome: tuple[Transcript, ...] | AsrError


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one file: all up to the end of a passage is done in this `channel` (counted from 1), and `result` is new.
    Before it, `num_done` of the `num_channels` that are transcribed were finished.
    """

    source: Path
    channel: int
    result: PassageResult
    num_done: int
    num_channels: int

    @property
    def seconds(self) -> float:
        """Of the channel that are done."""
        return self.result.end / SAMPLE_RATE


def transcribe_files(
    recognizer: Recognizer,
    files: Iterable[Path],
    *,
    channels: ChannelChoice = "mix",
    known: Callable[[Path], Known] = lambda file: {},
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[Result]:
    """The result of each file, in their order, as soon as it and those before it are ready.

    Memory does not grow with the length or the number of files; `files` is read a few minutes of sound ahead. With
    `channels="each"`, a channel that holds the same as an earlier one is left out, with an AudioWarning. What is
    `known` of a file is not recognised again. The text is that of `Recognizer.transcribe`.
    """
    started: deque[tuple[Path, int]] = deque()  # files with their numbers of recordings

    def recordings() -> Iterator[Recording]:
        for file in files:
            found = _recordings(file, channels, known(file))
            started.append((file, len(found)))
            yield from found

    outcomes: list[Transcript | AsrError] = []  # of the channels of the first of them

    def tell(recording: Recording, result: PassageResult) -> None:
        if progress is not None:
            file, num_channels = started[0]
            progress(Progress(file, recording.channel, result, len(outcomes), num_channels))

    for outcome in transcribe_recordings(recognizer, recordings(), progress=tell):
        outcomes.append(outcome if isinstance(outcome, AsrError) else recognizer.punctuated(outcome))
        file, num_recordings = started[0]
        if len(outcomes) == num_recordings:
            yield _result(file, outcomes)
            started.popleft()
            outcomes = []


def _recordings(file: Path, channels: ChannelChoice, known: Known) -> list[Recording]:
    """What is transcribed of a file; never empty."""
    try:
        numbers = _channels(file, channels)
    except AudioError as error:
        return [Recording(_failing(error), str(file))]
    if numbers is None:
        return [Recording(read_blocks(file, _BLOCK_SECONDS), str(file), known=known.get(1, ()))]
    return [
        Recording(read_blocks(file, _BLOCK_SECONDS, channel=n - 1), str(file), n, known.get(n, ())) for n in numbers
    ]


def _channels(file: Path, channels: ChannelChoice) -> list[int] | None:
    """The channels to transcribe, counted from 1; None for the mean of all."""
    if channels == "mix":
        return None
    if channels == "each":
        first_of = distinct_channels(file)
        for number, first in enumerate(first_of):
            if first != number:
                tell_once(f"{file}: channel {number + 1} holds the same as channel {first + 1}, which is heard alone")
        return [number + 1 for number, first in enumerate(first_of) if first == number]
    num_channels = audio_info(file).num_channels
    if not 1 <= channels <= num_channels:
        there = "it has one" if num_channels == 1 else f"it has channels 1 to {num_channels}"
        raise AudioError(f"{file}: has no channel {channels}; {there}")
    return [channels]


def _failing(error: AudioError) -> Iterator[npt.NDArray[np.float32]]:
    raise error
    yield  # makes this a generator, so that the error comes when the file is read


def _result(file: Path, outcomes: list[Transcript | AsrError]) -> Result:
    transcripts: list[Transcript] = []
    for outcome in outcomes:
        if isinstance(outcome, AudioError):
            return Result(file, outcome)
        if isinstance(outcome, AsrError):  # such as one of the search, which knows of no file
            return Result(file, type(outcome)(f"{file}: {outcome}"))
        transcripts.append(outcome)
    return Result(file, tuple(transcripts))
