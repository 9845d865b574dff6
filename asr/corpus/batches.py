"""Utterances -> batches of waveforms: bucketed by length, shuffled by seed and epoch, loaded in the background."""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64

from asr.batching import JITTER, batches_by_length, rank_share
from asr.corpus.augment import AugmentSettings
from asr.corpus.collate import Batch
from asr.corpus.concatenation import pair_up, seconds
from asr.corpus.effects.pause import draw_pauses
from asr.corpus.waveforms import Example, Request, Waveforms
from asr.corpus.workers import load_batches
from asr.errors import SettingsError


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How batches are made, wherever the sounds come from.

    `max_seconds`: of a batch, padding and pauses included, before any change of speed. `num_workers`: processes that
    load; 0 loads in this one. `jitter`: as in `batches_by_length`. `rank`, `num_ranks`: where several processes share
    each batch, the rank of this one and how many there are.
    """

    augment: AugmentSettings
    max_seconds: float
    seed: int
    num_workers: int = 0
    jitter: float = JITTER
    rank: int = 0
    num_ranks: int = 1

    def plan(self, durations: Sequence[float] | npt.NDArray[np.float64], *seed: int) -> list[list[int]]:
        """Indices of the utterances of each batch; `durations` in seconds."""
        rng = np.random.default_rng(seed)
        return batches_by_length(durations, self.max_seconds, rng=rng, jitter=self.jitter)

    def pauses(self, num_utterances: int, epoch: int) -> Float64[np.ndarray, "utterances 3"]:
        """Those that each utterance has in this epoch, as `draw_pauses` gives them."""
        pauses = self.augment.pauses
        if pauses is None:
            return np.zeros((num_utterances, 3))
        rng = np.random.default_rng((self.seed, epoch, 0, 4))  # a seed that no utterance has
        return draw_pauses(num_utterances, pauses.share, pauses.max_seconds, rng)


@runtime_checkable
class EpochBatches(Protocol):
    """The batches of one epoch after the other.

    Which utterances, and how they are augmented, depends only on (seed, epoch, utterance): not on the number of
    workers, nor on where a run was interrupted.
    """

    @property
    def durations(self) -> Sequence[float] | npt.NDArray[np.float64]:
        """Those of all utterances, in seconds."""
        ...

    @property
    def num_tokens(self) -> int:
        """Of the texts of all utterances."""
        ...

    def plan(self, epoch: int) -> Sequence[Sized]:
        """The utterances of each batch, known before anything is loaded."""
        ...

    def epoch(self, epoch: int, *, first_batch: int = 0) -> Iterator[Batch]:
        """The batches, or this process's share of each, from `first_batch` on.

        Raises:
            AudioError: a sound cannot be used.
        """
        ...


class TrainingBatches:
    """The `EpochBatches` of a manifest, whose sounds are files.

    `separator`: the tokens between the texts of two utterances (`concatenation.separator`).

    Raises:
        SettingsError: the settings ask for concatenation, and there is no `separator`.
    """

    def __init__(
        self, examples: Sequence[Example], settings: BatchSettings, *, separator: tuple[int, ...] | None = None
    ) -> None:
        if settings.augment.concatenation and separator is None:
            raise SettingsError("augment.concatenation: this training does not say which tokens separate two texts")
        self.durations = [example.utterance.duration for example in examples]
        self.num_tokens = sum(len(example.tokens) for example in examples)
        self._settings = settings
        self._dataset = Waveforms(examples, settings.augment, settings.seed, separator or ())

    def epoch(self, epoch: int, *, first_batch: int = 0) -> Iterator[Batch]:
        """As in `EpochBatches`."""
        plan, pauses = self.plan(epoch)[first_batch:], self._settings.pauses(len(self.durations), epoch)
        shares = [rank_share(len(units), self._settings.rank, self._settings.num_ranks) for units in plan]
        requests = [
            [Request(epoch, units[row], tuple(pauses[units[row][0]].tolist())) for row in share.rows]
            for units, share in zip(plan, shares, strict=True)
        ]
        batches = load_batches(self._dataset, requests, num_workers=self._settings.num_workers)
        for batch, units, share in zip(batches, plan, shares, strict=True):
            yield replace(batch, rows=share.rows, num_rows=len(units), is_dummy=share.is_dummy)

    def plan(self, epoch: int) -> list[list[tuple[int, ...]]]:
        """Indices of the utterances of each batch; those in one tuple are joined, and have the pauses of the first."""
        units = self._units(epoch)
        pauses = self._settings.pauses(len(self.durations), epoch).sum(axis=1)
        durations = [seconds(unit, self.durations) + pauses[unit[0]] for unit in units]
        batches = self._settings.plan(durations, self._settings.seed, epoch)
        return [[units[index] for index in batch] for batch in batches]

    def _units(self, epoch: int) -> list[tuple[int, ...]]:
        pairs = self._settings.augment.concatenation
        if pairs is None:
            return [(index,) for index in range(len(self.durations))]
        rng = np.random.default_rng((self._settings.seed, epoch, 0, 1))  # a seed that no utterance has
        limit = min(pairs.max_seconds, self._settings.max_seconds)
        return pair_up(self.durations, share=pairs.share, max_seconds=limit, rng=rng)
