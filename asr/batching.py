"""Which utterances make a batch, and which of them each of several processes takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

JITTER = 0.01  # of the durations: enough to change companions in a corpus of hours, and little padding


def plan_batches(
    durations: Sequence[float] | npt.NDArray[np.float64],
    *,
    max_seconds: float,
    seed: int | None = None,
    epoch: int = 0,
    jitter: float = JITTER,
) -> list[list[int]]:
    """Indices of utterances in batches of at most `max_seconds`, padding counted, at the speed they were recorded at.

    Utterances of like duration go together. With a seed, durations are changed at random by up to the share
    `jitter`, so that companions change from epoch to epoch, and batches are shuffled; without one, longest first. An
    utterance longer than `max_seconds` makes a batch of its own.
    """
    keys = np.asarray(durations, dtype=np.float64)
    rng = None if seed is None else np.random.default_rng((seed, epoch))
    jittered = keys if rng is None else keys * rng.uniform(1 - jitter, 1 + jitter, len(keys))
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0.0
    for index in np.argsort(-jittered, kind="stable").tolist():
        longest = max(longest, keys[index])
        if batch and longest * (len(batch) + 1) > max_seconds:
            batches.append(batch)
            batch, longest = [], keys[index]
        batch.append(index)
    batches.append(batch)
    if rng is not None:
        rng.shuffle(batches)
    return batches


@dataclass(frozen=True, slots=True)
class Share:
    """Which utterances of a batch a process takes."""

    places: tuple[int, ...]
    is_stand_in: bool


def share_of(num_places: int, rank: int, num_ranks: int) -> Share:
    """Every `num_ranks`-th utterance: they are sorted by duration, so all shares are about as long. In a batch with
    fewer utterances than processes, those that come away empty take the first utterance as a stand-in.
    """
    places = tuple(range(rank, num_places, num_ranks))
    return Share(places, is_stand_in=False) if places else Share((0,), is_stand_in=True)
