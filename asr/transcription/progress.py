"""How far a run is, how fast, and how long the rest will take."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from asr.audio import SAMPLE_RATE, told_duration
from asr.transcription.inputs import Recording
from asr.transcription.jobs import Progress as News
from asr.transcription.outcomes import Outcome


class Progress:
    """Counts outcomes, and how far the recording under way is. How long the sounds that are left will be is judged by
    the sizes of their files, which cost nothing to know, and by the seconds a byte of the files of the same ending of
    which the length is known; `clock` in seconds."""

    def __init__(
        self,
        left: Iterable[Recording],
        num_done_before: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._started = clock()
        self._bytes_left: dict[str, int] = defaultdict(int)
        self._bytes_known: dict[str, int] = defaultdict(int)
        self._seconds_known: dict[str, float] = defaultdict(float)
        self._seconds_heard = 0.0  # of the recordings that are done
        self._now: _UnderWay | None = None
        self.num_done = num_done_before
        self.num_files = num_done_before
        for recording in left:
            self.num_files += 1
            self._bytes_left[recording.suffix] += _size(recording)

    def advance(self, recording: Recording, news: News) -> None:
        """A passage of a recording is done."""
        if self._now is None:
            length = told_duration(news.source)
            self._now = _UnderWay(length, skipped=_share_done(news, news.result.start, length))
            if length is not None:
                self._learn(recording, length)
        self._now.done = _share_done(news, news.result.end, self._now.length)

    def add(self, outcome: Outcome) -> None:
        """One more is done, or has failed."""
        self.num_done += 1
        self._seconds_heard += max(0.0, outcome.seconds - (self._now.skipped if self._now else 0.0))
        if self._now is None or self._now.length is None:
            self._learn(outcome.recording, outcome.seconds)
        self._now = None

    def _learn(self, recording: Recording, seconds: float) -> None:
        """The length of a recording is known now; 0: it failed."""
        size = _size(recording)
        self._bytes_left[recording.suffix] -= size
        if seconds:
            self._bytes_known[recording.suffix] += size
            self._seconds_known[recording.suffix] += seconds

    @property
    def files_done(self) -> float:
        """With the fraction of the one under way."""
        return self.num_done + (self._now.done / self._now.length if self._now and self._now.length else 0.0)

    @property
    def seconds_done(self) -> float:
        """Of sound, in this run."""
        return self._seconds_heard + (self._now.done - self._now.skipped if self._now else 0.0)

    @property
    def speed(self) -> float:
        """Seconds of sound a second, in this run."""
        return self.seconds_done / max(1e-9, self._clock() - self._started)

    @property
    def seconds_left(self) -> float | None:
        """Of time; None before it can be judged."""
        if not self.speed or not sum(self._bytes_known.values()):
            return None
        on_average = sum(self._seconds_known.values()) / sum(self._bytes_known.values())
        sound = self._now.length - self._now.done if self._now and self._now.length else 0.0
        for suffix, size in self._bytes_left.items():
            known = self._bytes_known[suffix]
            sound += size * (self._seconds_known[suffix] / known if known else on_average)
        return sound / self.speed

    def __str__(self) -> str:
        shown = f"{self.num_done} of {self.num_files} files, {as_time(self.seconds_done)} of sound"
        if speed := self.speed:
            shown += f", {speed:.{0 if speed >= 10 else 1}f} x as fast as it plays"
        left = self.seconds_left
        return shown if left is None or self.num_done == self.num_files else f"{shown}, {as_time(left)} left"


@dataclass(slots=True)
class _UnderWay:
    """The recording that is being transcribed, in seconds: its `length`, None if its headers do not tell it; what was
    `skipped`, as an earlier run has it; what is `done`, with that."""

    length: float | None
    skipped: float
    done: float = 0.0


def _share_done(news: News, num_samples: int, length: float | None) -> float:
    """Seconds of a recording, of which each channel counts its share."""
    seconds = num_samples / SAMPLE_RATE
    return (news.num_done * (seconds if length is None else length) + seconds) / news.num_channels


def _size(recording: Recording) -> int:
    """In bytes; 0 if it is not known."""
    if recording.path is None:
        return 0
    if recording.part is not None:
        return round(recording.part.duration * 2 * SAMPLE_RATE)
    try:
        return recording.path.stat().st_size
    except (OSError, ValueError):  # ValueError: no file can have such a name
        return 0


def as_time(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}"
