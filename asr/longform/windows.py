"""What the network hears as an utterance: a stretch of a recording, or an overlapping window of a long one.

The frames at the ends of a window lack context, so each of two neighbours gives its half of their overlap
(docs/decisions/0013-stretches-and-windows.md).
"""

import math
from dataclasses import dataclass

from jaxtyping import Float, Float32
from numpy import ndarray

from asr.audio import SAMPLE_RATE

WINDOW, OVERLAP = 15.0, 4.0  # seconds
HOP_UNIT = SAMPLE_RATE // 100  # samples; a recording is cut at multiples of it


@dataclass(frozen=True, slots=True)
class Window:
    """`samples` of a recording from sample number `start` on.

    Of the rows of log-probabilities that the network gives for them, those from `first_row` to `end_row` (None: to
    their end) are used; a row stands for `step` samples. `is_last`: the stretch ends with this window.
    """

    start: int
    samples: Float32[ndarray, "samples"]
    step: int
    first_row: int = 0
    end_row: int | None = None
    is_last: bool = True

    @property
    def used_start(self) -> int:
        """The number of the first sample for which a used row stands."""
        return self.start + self.first_row * self.step

    @property
    def used_end(self) -> int:
        """The number of the sample after the last one."""
        return self.start + (len(self.samples) if self.end_row is None else self.end_row * self.step)

    def rows(self, log_probs: Float[ndarray, "rows vocab"]) -> Float[ndarray, "used vocab"]:
        """The rows that are used."""
        return log_probs[self.first_row : self.end_row]

    def sound(self) -> Float32[ndarray, "used"]:
        """The samples for which these rows stand."""
        end = None if self.end_row is None else self.end_row * self.step
        return self.samples[self.first_row * self.step : end]


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """Windows over a long stretch, in samples: the `length` of a window and the `hop` to the next; a row stands for
    `step` samples, and at each side of an overlap `unused_rows` are not used.

    Windows start at whole rows of the stretch, so that rows of neighbours stand for the same samples.
    """

    step: int
    length: int
    hop: int
    unused_rows: int

    @classmethod
    def of(cls, step: int, *, length: float = WINDOW, overlap: float = OVERLAP) -> "WindowPlan":
        """Windows of about `length` seconds that overlap by `overlap`; `step` samples make a row."""
        unused_rows = round(overlap * SAMPLE_RATE / 2 / step)
        unit = math.lcm(step, HOP_UNIT)
        hop = max(1, round((length - overlap) * SAMPLE_RATE / unit)) * unit
        return cls(step, hop + 2 * unused_rows * step, hop, unused_rows)

    def window(self, start: int, samples: Float32[ndarray, "samples"], *, is_first: bool, is_last: bool) -> Window:
        """The window at sample number `start` of a recording; the last one of a stretch may be shorter."""
        first_row = 0 if is_first else self.unused_rows
        end_row = None if is_last else self.unused_rows + self.hop // self.step
        return Window(start, samples, self.step, first_row, end_row, is_last)
