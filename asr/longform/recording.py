"""Passages of a recording -> its transcript; all times are those of the recording."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Float32
from numpy import ndarray

from asr.alignment.pauses import Interval, find_pauses
from asr.audio import SAMPLE_RATE
from asr.engine import Engine
from asr.longform.passages import Passage
from asr.search import Hypothesis
from asr.tokens import Tokens
from asr.transcript import LONG_PAUSE, Transcript, Word, segments_of

_TOUCHING = 1e-6  # seconds, more than rounding


@runtime_checkable
class UtteranceRecognizer(Protocol):
    """What recognises a sound that fits into memory, in one pass: `asr.recognizer.Recognizer`."""

    @property
    def engine(self) -> Engine:
        """What computes log-probabilities."""
        ...

    @property
    def tokens(self) -> Tokens:
        """What text is written with."""
        ...

    @property
    def vad(self) -> bool:
        """Whether what is not speech is left out (`asr.longform.vad`)."""
        ...

    def log_probs(self, waveforms: Sequence[Float[ndarray, "_"]]) -> list[Float32[ndarray, "_ vocab"]]:
        """Natural-log probabilities of each waveform, without padding."""
        ...

    def decode(self, batch: Sequence[Float[ndarray, "_ vocab"]]) -> list[Hypothesis]:
        """The best hypothesis for the log-probabilities of each utterance."""
        ...

    def transcript(
        self,
        log_probs: Float[ndarray, "frames vocab"],
        tokens: tuple[int, ...],
        *,
        pauses: Sequence[Interval],
        duration: float,
        score: float | None = None,
    ) -> Transcript:
        """Tokens that were found in log-probabilities, with times and confidence."""
        ...


@dataclass(frozen=True, slots=True)
class PassageResult:
    """What a passage, from sample number `start` of a recording to `end`, says; all times are in seconds of the
    recording. `score` as in `Transcript`.
    """

    start: int
    end: int
    words: tuple[Word, ...]
    pauses: tuple[Interval, ...]
    score: float


def transcribe_passage(recognizer: UtteranceRecognizer, passage: Passage) -> PassageResult:
    """The result of a passage, which is recognised by itself."""
    (best,) = recognizer.decode([passage.log_probs])
    pauses = find_pauses(passage.samples, sample_rate=SAMPLE_RATE)
    duration = len(passage.samples) / SAMPLE_RATE
    found = recognizer.transcript(passage.log_probs, best.tokens, pauses=pauses, duration=duration, score=best.score)
    start, num_samples = passage.start / SAMPLE_RATE, passage.start + len(passage.samples)
    end = num_samples / SAMPLE_RATE  # the sum of two times may be beyond it, by rounding
    return PassageResult(
        passage.start,
        num_samples,
        tuple(replace(word, start=start + word.start, end=min(start + word.end, end)) for word in found.words),
        tuple((start + first, start + end) for first, end in pauses),
        found.score,
    )


class RecordingBuilder:
    """Gathers the results of passages, in order, into the transcript of the recording."""

    def __init__(self) -> None:
        self._words: list[Word] = []
        self._long_pauses: list[Interval] = []
        self._pause: Interval = (0.0, 0.0)  # the last one so far, which may go on
        self._end = 0.0
        self._score = 0.0

    def add(self, result: PassageResult) -> None:
        """The next passage."""
        self._words += result.words
        self._score += result.score
        self._add_pause(self._end, result.start / SAMPLE_RATE)  # what was cut out
        for first, end in result.pauses:
            self._add_pause(first, end)
        self._end = result.end / SAMPLE_RATE

    def finish(self, duration: float, *, source: str = "", channel: int = 1) -> Transcript:
        """The transcript of the recording, `duration` seconds long."""
        self._add_pause(self._end, duration)
        self._add_pause(duration + 1, duration + 1)  # so that the one before is complete
        return Transcript(segments_of(self._words, self._long_pauses), duration, self._score, source, channel)

    def _add_pause(self, start: float, end: float) -> None:
        if start <= self._pause[1] + _TOUCHING:
            self._pause = (self._pause[0], max(end, self._pause[1]))
            return
        if self._pause[1] - self._pause[0] >= LONG_PAUSE:
            self._long_pauses.append(self._pause)
        self._pause = start, end
