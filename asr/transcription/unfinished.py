"""What is finished of a long recording, kept beside its results-to-be, so that a run that was stopped in its fifth hour
does not begin anew: `talk.unfinished`, a name that no result has. The first line says what it was made from, then comes
a line of JSON for each passage.
"""

import json
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asr import __version__
from asr.audio import SAMPLE_RATE
from asr.errors import AsrWarning, OutputError
from asr.files import append_text, is_hopeless, read_lines, write_text
from asr.longform.recording import PassageResult
from asr.transcript import Word
from asr.transcription.jobs import Known, Progress
from asr.transcription.names import UNFINISHED
from asr.transcription.notes import Note
from asr.transcription.progress import as_time

_EVERY = 60.0  # seconds of sound, after which what is new is written; shorter recordings have no such file
_REASONS = {
    "size": "the recording has changed since",
    "time": "the recording has changed since",
    "settings": "it was made with another model or other settings",
    "asr": "it was made with another version of asr",
}


@dataclass(slots=True)
class Unfinished:
    """The file of one recording. `facts`: it can be used if these are the same."""

    path: Path
    facts: dict[str, Any]
    _waiting: list[str] = field(default_factory=list)
    _seconds: float = 0.0  # of sound, in the lines that wait
    _end: dict[int, int] = field(default_factory=dict)  # of each channel, in samples
    _is_ours: bool | None = None  # None: not known yet

    @classmethod
    def of(cls, folder: Path, note: Note) -> "Unfinished | None":
        """That of the recording with this note; None, if it could never be used, since it comes through a pipe."""
        if not note.size:
            return None
        facts = {"size": note.size, "time": note.time, "settings": note.settings, "asr": __version__}
        return cls(folder / (note.stem + UNFINISHED), facts)

    def known(self) -> Known:
        """What an earlier run has finished. That it is used, or why not, is said by an AsrWarning."""
        if not self.path.is_file():
            self._is_ours = True
            return {}
        try:
            facts, *lines = read_lines(self.path, OutputError) or [""]
        except OutputError:  # not even a text
            facts, lines = "no", []
        self._is_ours = not facts or _parsed(facts).keys() == self.facts.keys()
        if not self._is_ours:
            told = f"{self.path}: was not written by asr and stays, so the recording has to be finished in one run"
            warnings.warn(told, AsrWarning, 2)
            return {}
        reason = next((_REASONS[key] for key, value in _parsed(facts).items() if value != self.facts[key]), None)
        known = _results(lines)
        end = sum(results[-1].end for results in known.values()) / SAMPLE_RATE
        if reason is not None:
            told = f"is left of a run that was stopped after {as_time(end)}, and is not used: {reason}"
        else:
            told = f"the run that was stopped goes on after {as_time(end)}"
        warnings.warn(f"{self.path}: {told}", AsrWarning, 2)
        known = {} if reason else known
        with self._or_not_kept():
            self._begin(known)
        return known

    def add(self, progress: Progress) -> None:
        """One more passage is finished.

        Raises:
            OutputError: the disk is full.
        """
        if not self._is_ours:
            return
        result, channel = progress.result, progress.channel
        self._waiting.append(_line(channel, result))
        self._seconds += (result.end - self._end.get(channel, 0)) / SAMPLE_RATE
        self._end[channel] = result.end
        if self._seconds >= _EVERY:
            with self._or_not_kept():
                if not self.path.exists():
                    self._begin({})
                append_text(self.path, "".join(self._waiting))
            self._waiting, self._seconds = [], 0.0

    def remove(self) -> None:
        """The recording is finished."""
        if self._is_ours:
            with suppress(OSError):
                self.path.unlink()

    @contextmanager
    def _or_not_kept(self) -> Iterator[None]:
        """What cannot be written here does not end the run: the results will say why."""
        try:
            yield
        except OutputError as error:
            if is_hopeless(error):
                raise
            self._is_ours = False

    def _begin(self, known: Known) -> None:
        """Write the file anew, without half a line that the end of a run may have left."""
        lines = [_line(channel, result) for channel, results in known.items() for result in results]
        write_text(self.path, json.dumps(self.facts) + "\n" + "".join(lines))
        self._end = {channel: results[-1].end for channel, results in known.items()}


def _line(channel: int, result: PassageResult) -> str:
    # float: NumPy has numbers that JSON does not know
    return json.dumps({"channel": channel, **asdict(result)}, default=float) + "\n"


def _results(lines: Sequence[str]) -> dict[int, list[PassageResult]]:
    """Up to the first line that is not whole."""
    results: dict[int, list[PassageResult]] = defaultdict(list)
    for line in lines:
        values = _parsed(line)
        try:
            channel = values.pop("channel")
            words = tuple(Word(**word) for word in values.pop("words"))
            pauses = tuple((start, end) for start, end in values.pop("pauses"))
            results[channel].append(PassageResult(**values, words=words, pauses=pauses))
        except (KeyError, TypeError, ValueError):
            break
    return dict(results)


def _parsed(line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
