"""Tar shards -> batches, as `batches.py` makes them of a manifest, but read in sequence and in constant memory.

Each epoch reads the shards in an order of its own, a few at a time: a window. The utterances of a window are the
shuffle buffer; batches are planned within it. The plan needs only durations, so it is known before anything is read,
and a resumed epoch skips the windows that are done. The trainer's process reads the tars and passes the sounds, still
encoded, to the loader processes; while the batches of one window are used, the next window is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise, zip_longest

import numpy as np
import numpy.typing as npt

from asr.batching import rank_share
from asr.corpus.batches import BatchSettings
from asr.corpus.collate import Batch
from asr.corpus.shards import ShardedCorpus, read_shard
from asr.corpus.waveforms import Example, Request, Waveforms
from asr.corpus.workers import load_batches
from asr.errors import CorpusError, SettingsError
from asr.tokens import Tokens

WINDOW_SHARDS = 8

_Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Window:
    """Shards that are in memory together, how many utterances they have, and the batches made of them."""

    shards: list[int]
    size: int
    batches: list[_Numbers]


class ShardedBatches:
    """The `EpochBatches` of those utterances of `corpus` that are `kept`.

    An utterance has the same number and augmentation as in `TrainingBatches`; only its neighbours differ. `durations`
    are those of all utterances that are kept, in seconds, and `num_tokens` is that of all their texts. With several
    processes, each reads all shards.
    `window_shards`: how many are in memory together.

    Raises:
        SettingsError: the settings ask for babble or concatenation, which need access to other utterances.
    """

    def __init__(
        self,
        corpus: ShardedCorpus,
        tokens: Tokens,
        settings: BatchSettings,
        *,
        durations: npt.NDArray[np.float64],
        num_tokens: int,
        kept: npt.NDArray[np.bool_],
        window_shards: int = WINDOW_SHARDS,
    ) -> None:
        for name in ("babble", "concatenation"):
            if getattr(settings.augment, name) is not None:
                raise SettingsError(
                    f"augment.{name}: needs access to any utterance, but {corpus.folder} is read in sequence; "
                    "take it out, or train from the manifest"
                )
        self.durations = durations
        self.num_tokens = num_tokens
        self._corpus = corpus
        self._tokens = tokens
        self._settings = settings
        self._kept = kept
        self._dataset = Waveforms([], settings.augment, settings.seed, ())
        # Where the numbers of each shard begin, and where the last ends.
        ends = np.cumsum([int(kept[s.first : s.first + s.num_utterances].sum()) for s in corpus.shards])
        self._bounds: list[int] = [0, *ends.tolist()]
        self._window_shards = window_shards

    def epoch(self, epoch: int, *, first_batch: int = 0) -> Iterator[Batch]:
        """As in `EpochBatches`.

        Raises:
            AudioError: a sound cannot be used.
            CorpusError: a shard is truncated or damaged, or of another corpus.
        """
        windows = list(self._windows(epoch))
        while windows and first_batch >= len(windows[0].batches):
            first_batch -= len(windows.pop(0).batches)
        plan = [batch for window in windows for batch in window.batches][first_batch:]
        requests = self._requests(epoch, windows, first_batch)
        batches = load_batches(self._dataset, requests, num_workers=self._settings.num_workers)
        for batch, numbers in zip(batches, plan, strict=True):
            share = rank_share(len(numbers), self._settings.rank, self._settings.num_ranks)
            yield replace(batch, rows=share.rows, num_rows=len(numbers), is_dummy=share.is_dummy)

    def plan(self, epoch: int) -> list[_Numbers]:
        """The numbers of the utterances of each batch."""
        return list(chain.from_iterable(window.batches for window in self._windows(epoch)))

    def _windows(self, epoch: int) -> Iterator[_Window]:
        durations = self.durations + self._settings.pauses(len(self.durations), epoch).sum(axis=1)
        used = [shard for shard, (start, end) in enumerate(pairwise(self._bounds)) if end > start]
        rng = np.random.default_rng((self._settings.seed, epoch, 0, 2))  # a seed that no utterance has
        order = rng.permutation(used)
        count = -(-len(used) // self._window_shards)
        for window, shards in enumerate(np.array_split(order, count)):
            numbers = np.concatenate([np.arange(self._bounds[s], self._bounds[s + 1], dtype=np.int32) for s in shards])
            seed = int(np.random.SeedSequence((self._settings.seed, epoch, window, 3)).generate_state(1)[0])
            batches = self._settings.plan(durations[numbers], seed, epoch)
            yield _Window(shards.tolist(), len(numbers), [numbers[batch] for batch in batches])

    def _requests(self, epoch: int, windows: Sequence[_Window], first_batch: int) -> Iterator[list[Request]]:
        """The requests of each batch; about one window is in memory at a time."""
        pauses = self._settings.pauses(len(self.durations), epoch)
        incoming = self._read(chain.from_iterable(window.shards for window in windows))
        buffer: dict[int, Example] = {}
        num_read = end = 0
        for window, following in zip_longest(windows, windows[1:]):
            end += window.size
            next_size = following.size if following else 0
            for done, numbers in enumerate(window.batches):
                # As batches are used up, part of the next window takes their place in memory.
                wanted = end + next_size * done // len(window.batches)
                while num_read < wanted:
                    number, example = next(incoming)
                    buffer[number] = example
                    num_read += 1
                examples = [buffer.pop(number) for number in numbers.tolist()]
                if done >= first_batch:
                    rows = rank_share(len(examples), self._settings.rank, self._settings.num_ranks).rows
                    yield [
                        Request(epoch, (int(numbers[row]),), tuple(pauses[numbers[row]].tolist()), (examples[row],))
                        for row in rows
                    ]
            first_batch = 0
        for _ in incoming:  # to the end of the last shards, to notice what the index does not list
            pass

    def _read(self, shards: Iterator[int]) -> Iterator[tuple[int, Example]]:
        """The utterances of these shards that are kept, with their numbers."""
        for index in shards:
            shard, number = self._corpus.shards[index], self._bounds[index]
            for position, (utterance, sound) in enumerate(read_shard(shard), start=shard.first):
                if not self._kept[position]:
                    continue
                if utterance.duration != self.durations[number]:
                    raise CorpusError(
                        f"{sound}: lasts {utterance.duration} s, but the manifest of the shards says "
                        f"{self.durations[number]} s: they are not of one packing; make the shards anew"
                    )
                where = f"{sound}, utterance {utterance.id}"
                yield number, Example(utterance, tuple(self._tokens.encode(utterance.text, where=where)), sound)
                number += 1
