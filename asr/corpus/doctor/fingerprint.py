"""Fingerprints of sounds, which gain, format and bit rate do not change, and the search for similar ones.

64 bits, after J. Haitsma and T. Kalker, "A highly robust audio fingerprinting system", ISMIR 2002: each says whether
the difference of power between neighbouring bands grows from one stretch of the sound to the next. Here the whole sound
is cut into 17 stretches. Two takes of a sentence by one speaker differ in 8 bits and more.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from asr.corpus.doctor.measures import Spectra

Keys = npt.NDArray[np.uint64]

_EDGES = (200.0, 450.0, 800.0, 1300.0, 2000.0, 3300.0)  # Hz; below what telephones and codecs cut off
_STRETCHES = 17
_LEAST_FRAMES = 2 * _STRETCHES  # shorter sounds are too similar to each other
MOST_BITS = 3  # that may differ in copies
_MOST_SECONDS_OFF = 0.002  # for equal lengths, rounded at different rates; a million sounds have many similar bits
_PIECES = 4  # of 16 bits: where 3 bits differ, one of the pieces is the same
_MOST_ALIKE = 200  # sounds with one piece in common; beyond, the piece is too common to mean anything


def fingerprint(spectra: Spectra) -> int:
    """The 64-bit fingerprint of a sound, never 0 unless it is shorter than a second."""
    num_frames = len(spectra.power)
    if num_frames < _LEAST_FRAMES:
        return 0
    bands = np.stack([spectra.band(low, high) for low, high in pairwise(_EDGES)], axis=1)
    sums = np.concatenate([np.zeros((1, bands.shape[1])), np.cumsum(bands, axis=0)])
    places = np.linspace(0, num_frames, _STRETCHES + 1)
    at_places = np.stack([np.interp(places, np.arange(num_frames + 1), column) for column in sums.T], axis=1)
    levels = np.log(np.maximum(np.diff(at_places, axis=0), 1e-20))
    bits = np.diff(np.diff(levels, axis=1), axis=0) > 0
    return int.from_bytes(np.packbits(bits).tobytes(), "little") or 1


def alike(keys: Keys, durations: npt.NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Pairs of rows (the first one, a later one) whose fingerprints differ in at most 3 of 64 bits, and whose lengths
    are the same."""
    for piece in range(_PIECES):
        marks = (keys >> np.uint64(16 * piece)).astype(np.uint16)
        order = np.argsort(marks, kind="stable")
        order = order[keys[order] != 0]
        # Compare each with the next sound that shares its piece, then with the one after that, until none is left.
        for distance in range(1, min(_MOST_ALIKE, len(order))):
            left, right = order[:-distance], order[distance:]
            same = marks[left] == marks[right]
            if not same.any():
                break
            left, right = left[same], right[same]
            close = np.bitwise_count(keys[left] ^ keys[right]) <= MOST_BITS
            close &= np.abs(durations[left] - durations[right]) <= _MOST_SECONDS_OFF
            yield from zip(left[close].tolist(), right[close].tolist(), strict=True)


def first_alike(keys: Keys, durations: npt.NDArray[np.float64], lines: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each row the line of the first row that is alike, or 0."""
    result = np.zeros(len(keys), dtype=np.int64)
    for first, second in alike(keys, durations):
        if not 0 < result[second] <= lines[first]:
            result[second] = lines[first]
    return result
