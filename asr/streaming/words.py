"""Final tokens of a stream -> words with times and confidence."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from asr.alignment.confidence import Calibration, word_confidence
from asr.alignment.pauses import PauseStream
from asr.alignment.word_times import word_times
from asr.search.hypothesis import Hypothesis
from asr.tokens import Tokens
from asr.transcript import LONG_PAUSE, Segment, Word


class FinalWords:
    """The words of a stream that no longer change. Log-probabilities are kept only as long as a token may need them."""

    def __init__(
        self, tokens: Tokens, calibration: Calibration, pauses: PauseStream, *, seconds_per_frame: float
    ) -> None:
        self._tokens, self._calibration, self._seconds = tokens, calibration, seconds_per_frame
        self._pauses = pauses
        self._rows: list[npt.NDArray[np.float32]] = []
        self._first = 0  # the frame of the first row
        self._words: list[Word] = []
        self._starts: list[int] = []  # the words after a long pause
        self._known: tuple[Word, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """All of them, in order."""
        if len(self._known) < len(self._words):
            self._known = tuple(self._words)
        return self._known

    def segments(self) -> tuple[Segment, ...]:
        """The words, cut at long pauses."""
        edges = [*self._starts, len(self._words)]
        return tuple(Segment(tuple(self._words[a:b])) for a, b in pairwise(edges))

    def accept(self, log_probs: Float[np.ndarray, "frames vocab"]) -> None:
        """The next rows, of which the search has made tokens."""
        self._rows.append(np.asarray(log_probs, np.float32))

    def forget_before(self, frame: int) -> None:
        """No token that shows before this frame will be added any more."""
        while self._rows and self._first + len(self._rows[0]) <= frame:
            self._first += len(self._rows.pop(0))

    def add(self, found: Hypothesis, end_frame: int) -> None:
        """Make words of tokens with their frames; nothing that is still to come shows before `end_frame`."""
        spans = self._tokens.word_spans(found.tokens)
        if not spans:
            return
        seconds, earliest = self._seconds, self._words[-1].end if self._words else 0.0
        frames = np.array([*found.frames, end_frame])
        latest = max(earliest, (end_frame - 0.5) * seconds)
        shown = [((frame - 0.5) * seconds - earliest, (frame + 0.5) * seconds - earliest) for frame in found.frames]
        pauses = [(start - earliest, end - earliest) for start, end in self._pauses.pauses() if end > earliest]
        inside = [(max(0.0, start), min(latest - earliest, end)) for start, end in pauses if start < latest]
        times = word_times(shown, spans, inside, duration=latest - earliest)
        confidences = self._confidences(found.tokens, frames)
        texts = self._tokens.decode(found.tokens).split()
        for text, (first, last), (start, end) in zip(texts, spans, times, strict=True):
            confidence = self._calibration.apply(word_confidence(confidences[first:last]))
            self._add(Word(text, start + earliest, end + earliest, confidence))

    def _add(self, word: Word) -> None:
        """Rules on pauses are those of `asr.transcript.segments_of`."""
        previous = self._words[-1].end if self._words else -math.inf
        middles = [(a + b) / 2 for a, b in self._pauses.pauses() if b - a >= LONG_PAUSE]
        if not self._words or any(previous <= middle <= word.start for middle in middles):
            self._starts.append(len(self._words))
        self._words.append(word)

    def _confidences(self, tokens: Sequence[int], frames: npt.NDArray[np.int64]) -> list[float]:
        """The highest probability of each token from where it shows to where the next one does."""
        rows = np.concatenate(self._rows)
        starts = np.clip(frames[:-1] - self._first, 0, len(rows) - 1)
        ends = np.maximum(frames[1:] - self._first, starts + 1)
        spans = zip(starts.tolist(), ends.tolist(), tokens, strict=True)
        return [min(1.0, math.exp(rows[start:end, token].max())) for start, end, token in spans]
