"""Do texts and sounds belong together? Without a model, only their lengths can show it.

Duration is assumed proportional to the characters of a text plus an overhead, for pauses and short words; the deviation
of a text is judged by those of the others. Two texts of about the same length that have changed places cannot be found
this way, and in a corpus where people spell some words and say others, only the worst cases can.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_MOST_DEVIATIONS = 5.5  # robust standard deviations, of the natural logarithm
_LEAST_ROWS = 20  # needed to know what is usual
_LEAST_DEVIATION = 0.12  # the least assumed spread of speaking rates
_OVERHEADS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0)  # characters
_MOST_ROWS = 50_000  # on which the overhead is chosen
_SWAPPED, _AT_HOME = 3.0, 1.0  # deviations of two neighbours as they are, and with texts exchanged
_WINDOW = 24  # rows: by chance, this many never fit their neighbours' texts three times as well as their own
_MOST_AT_HOME = 1 / 3
_LEAST_BETTER = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """For each row: whether it is an outlier, and with which neighbour it may have changed places: -1 the one before, 1
    the one after, 0 none. `shifts`: first and last row of runs whose texts belong to other rows, and by how many rows
    they are shifted. `median` is that of characters per second."""

    outliers: npt.NDArray[np.bool_]
    partners: npt.NDArray[np.int8]
    shifts: list[tuple[int, int, int]]
    median: float


def judge_pace(lengths: npt.NDArray[np.int32], durations: Floats, active: Floats | None) -> Pace:
    """Compare texts of `lengths` characters with sounds: total seconds and, if known, seconds that are not silent.

    An outlier has to be one by both: pauses spoil the first measure, noise the second.
    """
    spoken = np.flatnonzero((lengths > 0) & (durations > 0) & (True if active is None else active > 0))
    outliers, partners = np.zeros(len(lengths), np.bool_), np.zeros(len(lengths), np.int8)
    if not len(spoken):
        return Pace(outliers, partners, [], 0.0)
    median = float(np.median(lengths[spoken] / durations[spoken]))
    if len(spoken) < _LEAST_ROWS:
        return Pace(outliers, partners, [], median)
    texts, seconds = lengths[spoken].astype(np.float64), durations[spoken]
    own = _scaled(texts, seconds)
    far = np.abs(own)
    if active is not None:
        far = np.minimum(far, np.abs(_scaled(texts, active[spoken])))
    outliers[spoken] = far > _MOST_DEVIATIONS
    partners[spoken] = _swapped_neighbours(texts, seconds)
    shifts = [(int(spoken[first]), int(spoken[last]), lag) for first, last, lag in _shifts(texts, seconds)]
    return Pace(outliers, partners, shifts, median)


def _scaled(texts: Floats, seconds: Floats) -> Floats:
    """Deviations of the logarithm, in robust standard deviations."""
    residuals = _residuals(texts, seconds, _overhead(texts, seconds))
    return residuals / max(_LEAST_DEVIATION, 1.4826 * float(np.median(np.abs(residuals))))


def _residuals(texts: Floats, seconds: Floats, overhead: float) -> Floats:
    logarithms = np.log(seconds) - np.log(texts + overhead)
    return np.asarray(logarithms - np.median(logarithms))


def _overhead(texts: Floats, seconds: Floats) -> float:
    step = -(-len(texts) // _MOST_ROWS)
    few = texts[::step], seconds[::step]
    return min(_OVERHEADS, key=lambda overhead: float(np.median(np.abs(_residuals(*few, overhead)))))


def _swapped_neighbours(texts: Floats, seconds: Floats) -> npt.NDArray[np.int8]:
    """Pairs of neighbours that are both odd, while neither would be with the text of the other."""
    partners = np.zeros(len(texts), np.int8)
    if len(texts) < _WINDOW:
        return partners
    overhead = _overhead(texts, seconds)
    residuals = _residuals(texts, seconds, overhead)
    scale = max(_LEAST_DEVIATION, 1.4826 * float(np.median(np.abs(residuals))))
    change = np.diff(np.log(texts + overhead))
    first, second = np.abs(residuals[:-1] - change), np.abs(residuals[1:] + change)
    odd = np.abs(residuals) > _SWAPPED * scale
    swapped = np.flatnonzero(odd[:-1] & odd[1:] & (np.maximum(first, second) < _AT_HOME * scale))
    partners[swapped], partners[swapped + 1] = 1, -1
    return partners


def _shifts(texts: Floats, seconds: Floats) -> Iterator[tuple[int, int, int]]:
    """Runs of rows whose sounds fit the texts of the rows before (-1) or after (1) far better than their own."""
    if len(texts) <= _WINDOW:
        return
    pairs = {-1: (texts[:-1], seconds[1:]), 0: (texts, seconds), 1: (texts[1:], seconds[:-1])}
    fits = {lag: (overhead := _overhead(*pair), _spread(*pair, overhead)) for lag, pair in pairs.items()}
    overhead = min(fits.values(), key=lambda fit: fit[1])[0]
    own = np.abs(_residuals(*pairs[0], overhead))
    for lag in (-1, 1):
        residuals = np.abs(_residuals(*pairs[lag], overhead))
        there = np.concatenate([own[:1], residuals]) if lag < 0 else np.concatenate([residuals, own[-1:]])
        fits_there = _window_means(there) < _MOST_AT_HOME * _window_means(own)
        fits_there &= _window_means((there < own).astype(np.float64)) > _LEAST_BETTER  # not by one row alone
        edges = np.flatnonzero(np.diff(np.concatenate([[False], fits_there, [False]]).astype(np.int8)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            first, last = _best_stretch((own - there)[start : end + _WINDOW - 1])
            yield int(start) + first, int(start) + last, lag


def _best_stretch(gains: Floats) -> tuple[int, int]:
    """First and last place of the stretch with the largest sum; a window begins before its run and ends after it."""
    sums = np.concatenate([[0.0], np.cumsum(gains)])
    last = int(np.argmax(sums - np.minimum.accumulate(sums)))
    return int(np.argmin(sums[:last])), last - 1


def _spread(texts: Floats, seconds: Floats, overhead: float) -> float:
    return float(np.median(np.abs(_residuals(texts, seconds, overhead))))


def _window_means(values: Floats) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((sums[_WINDOW:] - sums[:-_WINDOW]) / _WINDOW)
