"""How far a run is, how fast, and how long the rest will take."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from asr.audio import SAMPLE_RATE
from asr.transcription.inputs import Recording
from asr.transcription.outcomes import Outcome


class Progress:
    """Counts outcomes. How long the sounds that are left will be is judged by the sizes of their files, which cost
    nothing to know, and by the seconds a byte of the files of the same ending that are done; `clock` in seconds."""

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
        self._bytes_done: dict[str, int] = defaultdict(int)
        self._seconds_done: dict[str, float] = defaultdict(float)
        self.num_done = num_done_before
        self.num_files = num_done_before
        for recording in left:
            self.num_files += 1
            self._bytes_left[recording.suffix] += _size(recording)

    def add(self, outcome: Outcome) -> None:
        """One more is done, or has failed."""
        suffix, size = outcome.recording.suffix, _size(outcome.recording)
        self.num_done += 1
        self._bytes_left[suffix] -= size
        if outcome.seconds:
            self._bytes_done[suffix] += size
            self._seconds_done[suffix] += outcome.seconds

    @property
    def seconds_done(self) -> float:
        """Of sound, in this run."""
        return sum(self._seconds_done.values(), 0.0)

    @property
    def speed(self) -> float:
        """Seconds of sound a second, in this run."""
        return self.seconds_done / max(1e-9, self._clock() - self._started)

    @property
    def seconds_left(self) -> float | None:
        """Of time; None before it can be judged."""
        if not self.speed or not sum(self._bytes_done.values()):
            return None
        on_average = self.seconds_done / sum(self._bytes_done.values())
        sound = 0.0
        for suffix, size in self._bytes_left.items():
            known = self._bytes_done[suffix]
            sound += size * (self._seconds_done[suffix] / known if known else on_average)
        return sound / self.speed

    def __str__(self) -> str:
        left = self.seconds_left
        rest = "" if left is None else f", {_hours(left)} left"
        return (
            f"{self.num_done} of {self.num_files} files, {_hours(self.seconds_done)} of sound, "
            f"{self.speed:.0f} x as fast as it plays{rest}"
        )


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


def _hours(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}"
