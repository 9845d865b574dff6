"""How long after its end each word of a stream is shown, and is final."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from asr.streaming.stream import Partial
from asr.transcript import Word


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds: the median over words, and what 95 % of them stay below."""

    median: float
    most: float

    def __str__(self) -> str:
        return f"{1000 * self.median:.0f} ms (95 %: {1000 * self.most:.0f} ms)"


@dataclass(slots=True)
class WordDelays:
    """Notes when words appear; times are seconds since the sound began."""

    _shown: dict[int, tuple[str, float]] = field(default_factory=dict)  # by place in the text
    _final: list[float] = field(default_factory=list)

    def observe(self, partial: Partial, now: float) -> None:
        """What is known at a time."""
        for place, text in enumerate(partial.text.split()):
            if self._shown.get(place, ("", 0.0))[0] != text:
                self._shown[place] = text, now
        self._final += [now] * (len(partial.final) - len(self._final))

    def until_shown(self, words: Sequence[Word]) -> Delay | None:
        """From the end of each of the final words until it was shown for good; None if none was shown in time."""
        shown = [(self._shown.get(place, ("", 0.0)), word) for place, word in enumerate(words)]
        return _delay([time - word.end for (text, time), word in shown if text == word.text])

    def until_final(self, words: Sequence[Word]) -> Delay | None:
        """From the end of each word until it was final; None if none was, before the end of the sound."""
        return _delay([time - word.end for time, word in zip(self._final, words, strict=False)])


def _delay(seconds: list[float]) -> Delay | None:
    return Delay(float(np.median(seconds)), float(np.quantile(seconds, 0.95))) if seconds else None
