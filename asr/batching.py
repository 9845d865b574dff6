"""Bucketing by length: which utterances make a batch, and which rows of it each of several processes takes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

JITTER = 0.01  # of the lengths: enough to vary the batches in a corpus of hours, with little padding


def batches_by_length(
    lengths: npt.ArrayLike,
    max_total: float | int,
    *,
    rng: np.random.Generator | None = None,
    jitter: float = JITTER,
    end: float | int = 0,
) -> list[list[int]]:
    """Dynamic batching: indices in batches of at most `max_total`, padding included; like lengths together, longest
    first.

    With `rng`, lengths are changed at random by up to the share `jitter`, so that neighbours in a batch change from
    epoch to epoch, and batches are shuffled. `end` is added to each length, such as the mark after a text. An item
    longer than `max_total` makes a batch of its own.
    """
    sizes = np.asarray(lengths, dtype=np.float64)
    jittered = sizes if rng is None else sizes * rng.uniform(1 - jitter, 1 + jitter, len(sizes))
    batches: list[list[int]] = []
    longest = 0.0
    for index in np.argsort(-jittered, kind="stable").tolist():
        size = float(sizes[index]) + end
        longest = max(longest, size)
        if not batches or longest * (len(batches[-1]) + 1) > max_total:
            batches.append([])
            longest = size
        batches[-1].append(index)
    if rng is not None:
        rng.shuffle(batches)
    return batches


@dataclass(frozen=True, slots=True)
class RankShare:
    """Which rows of the global batch of all processes one process takes (a distributed sampler)."""

    rows: tuple[int, ...]
    is_dummy: bool


def rank_share(num_rows: int, rank: int, num_ranks: int) -> RankShare:
    """Every `num_ranks`-th row: rows are sorted by length, so all shares are about equally long. In a batch with fewer
    rows than processes, a process without a row takes the first one as a dummy.
    """
    rows = tuple(range(rank, num_rows, num_ranks))
    return RankShare(rows, is_dummy=False) if rows else RankShare((0,), is_dummy=True)
