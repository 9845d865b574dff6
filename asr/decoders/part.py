"""A part of an open sound file: its blocks, between two times, of some channels; what cannot be used is refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr.channels import Channels, columns
from asr.decoders.stream import Block, Stream
from asr.errors import AudioError, NotFiniteAudioError

_MOST_SAMPLES = 2**40  # a year at 35 kHz


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a file to read: from `offset` on, for `duration`, in seconds; `channel` as for `load_audio`."""

    offset: float
    duration: float | None
    channel: Channels


def usable_blocks(stream: Stream, part: Part, path: Path) -> Iterator[Block]:
    """The blocks of a part of a stream, as decoded, with the channels in use; `path` is for messages.

    Raises:
        AudioError: the part is empty, or has samples that are NaN or infinite, or there is no such channel.
    """
    heard, num_samples = columns(part.channel, stream.num_channels, path), 0
    for block in (block[:, heard] for block in _cut(stream, part.offset, part.duration)):
        _refuse_not_finite(block, part.offset + num_samples / stream.sample_rate, stream.sample_rate, path)
        num_samples += len(block)
        yield block
    _refuse_empty(num_samples, part.offset, path)


def _cut(stream: Stream, offset: float, duration: float | None) -> Iterator[Block]:
    """The blocks of a stream between two times in seconds."""
    end = _MOST_SAMPLES if stream.num_samples is None else stream.num_samples
    first = round(min(max(0.0, offset) * stream.sample_rate, end))
    if duration is None:
        return stream.read(first, None if stream.num_samples is None else end - first)
    return stream.read(first, round(min(duration * stream.sample_rate, end - first)))


def _refuse_empty(num_samples: int, offset: float, path: Path) -> None:
    if num_samples == 0:
        raise AudioError(f"{path}: holds no samples" + (f" from {offset} s on" if offset else ""))


def _refuse_not_finite(block: Block, start: float, sample_rate: int, path: Path) -> None:
    """`start` of the block in seconds."""
    finite = np.isfinite(block)
    if not finite.all():
        first = int(np.argmin(finite.all(axis=1)))
        raise NotFiniteAudioError(
            f"{path}: holds samples that are NaN or infinite, the first at {start + first / sample_rate:.3f} s; "
            "repair the file, or export it again"
        )
