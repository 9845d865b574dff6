"""The output of a decoder: the sound of one file, block by block."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Block: TypeAlias = npt.NDArray[np.float32]

_BLOCK_VALUES = 1 << 19  # of all channels, 2 MiB: most utterances are one block


@dataclass(frozen=True, slots=True)
class Stream:
    """An open sound file. `sample_rate` in Hz; `num_samples` of a channel, None if it is known only at the end.

    `read(first, count)` gives the samples from number `first` on, `count` of them or, with None, all the rest, in
    blocks of shape (num_samples, num_channels), full scale 1.0. It can be called once.
    """

    format: str
    encoding: str
    sample_rate: int
    num_channels: int
    num_samples: int | None
    read: Callable[[int, int | None], Iterator[Block]]


def samples_per_block(num_channels: int) -> int:
    """How many samples of each channel make a block."""
    return max(1, _BLOCK_VALUES // num_channels)


def cut_out(blocks: Iterator[Block], first: int, count: int | None) -> Iterator[Block]:
    """The part of a sequence of blocks from sample number `first` on: `count` samples, or all the rest."""
    left = count
    for block in blocks:
        part = block[first:] if left is None else block[first : first + left]
        first = max(0, first - len(block))
        if len(part):
            yield part
        if left is not None:
            left -= len(part)
            if left <= 0:
                return
