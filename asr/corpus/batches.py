"""Utterances -> batches of waveforms: grouped by duration, shuffled by seed and epoch, loaded in the background."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from asr.audio import SAMPLE_RATE, EncodedSound, Sound, read_sound, sound_to_waveform, tell_once, warn_once
from asr.batching import JITTER, batches_by_length, rank_share
from asr.corpus.augment import AugmentSettings, background_noise, change_speed, choose_speed, distort
from asr.corpus.concatenation import concatenate, pair_up, seconds
from asr.corpus.effects.level import Voice
from asr.corpus.manifest import Utterance
from asr.corpus.workers import prepare_worker, watched
from asr.errors import AudioError, SettingsError

_LEAST_LIE, _LIE = 0.5, 0.1  # seconds, and share of the duration, by which a manifest may be wrong
_TALKERS = (3, 7)  # in babble, as many as in Kaldi's recipes


@dataclass(frozen=True, slots=True)
class Example:
    """An utterance with the ids of its tokens, and its sound, where that is no file of its own."""

    utterance: Utterance
    tokens: tuple[int, ...]
    sound: EncodedSound | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Waveforms, zero beyond `num_samples`; the targets of all utterances one after the other.

    The lengths stay on the CPU, where CTC wants them: to read them from a GPU is to wait for it.

    Where several processes train, `rows` are those of these utterances in the global batch, that of all processes,
    which has `num_rows`. A dummy is an utterance of another process: it counts for nothing, but keeps in step a process
    for which none was left.
    """

    waveforms: Float[Tensor, "batch samples"]
    num_samples: Int[Tensor, "batch"]
    targets: Int[Tensor, "tokens"]
    num_tokens: Int[Tensor, "batch"]
    ids: tuple[str, ...]
    rows: tuple[int, ...] | None = None
    num_rows: int = 0
    is_dummy: bool = False

    def to(self, device: torch.device) -> "Batch":
        """Waveforms and targets on `device`; from pinned memory the copy runs beside the work of a GPU.

        Back on the CPU they are whole when this returns.
        """
        to_gpu = device.type == "cuda"
        waveforms, targets = (tensor.to(device, non_blocking=to_gpu) for tensor in (self.waveforms, self.targets))
        return replace(self, waveforms=waveforms, targets=targets)

    def pin_memory(self) -> "Batch":
        """In memory that a GPU copies from by itself; the method that a DataLoader with `pin_memory` looks for."""
        pinned = (tensor.pin_memory() for tensor in (self.waveforms, self.num_samples, self.targets))
        waveforms, num_samples, targets = pinned
        return replace(self, waveforms=waveforms, num_samples=num_samples, targets=targets)

    def __len__(self) -> int:
        return len(self.ids)


class TrainingBatches:
    """The batches of one epoch after the other. Which utterances, and how they are augmented, depends on
    (seed, epoch, utterance) alone: not on the number of workers, nor on where an interrupted run went on.
    `durations` are those of all utterances, in seconds.

    `jitter`: as in `batches_by_length`. `separator`: the tokens between the texts of two utterances
    (`concatenation.separator`).
    `rank`, `num_ranks`: of several processes that share each batch, the number of this one, and how many they are.

    Raises:
        SettingsError: the settings ask for concatenation, and there is no `separator`.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        augment: AugmentSettings,
        *,
        max_seconds: float,
        seed: int,
        num_workers: int,
        jitter: float = JITTER,
        separator: tuple[int, ...] | None = None,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        if augment.concatenation and separator is None:
            raise SettingsError("augment.concatenation: this training does not say which tokens separate two texts")
        self._augment = augment
        self._dataset = Waveforms(examples, augment, seed, separator or ())
        self.durations = [example.utterance.duration for example in examples]
        self._max_seconds = max_seconds
        self._seed = seed
        self._jitter = jitter
        self._num_workers = num_workers
        self._rank, self._num_ranks = rank, num_ranks

    def epoch(self, epoch: int, *, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, or this process's shares of them, from `first_batch` on.

        Raises:
            AudioError: a sound file can not be used.
        """
        plan = self.plan(epoch)[first_batch:]
        shares = [rank_share(len(units), self._rank, self._num_ranks) for units in plan]
        requests = [
            [Request(epoch, units[row]) for row in share.rows] for units, share in zip(plan, shares, strict=True)
        ]
        batches = load_batches(self._dataset, requests, num_workers=self._num_workers)
        for batch, units, share in zip(batches, plan, shares, strict=True):
            yield replace(batch, rows=share.rows, num_rows=len(units), is_dummy=share.is_dummy)

    def plan(self, epoch: int) -> list[list[tuple[int, ...]]]:
        """Indices of the utterances of each batch; those in one tuple are concatenated."""
        units = self._units(epoch)
        durations = [seconds(unit, self.durations) for unit in units]
        rng = np.random.default_rng((self._seed, epoch))
        batches = batches_by_length(durations, self._max_seconds, rng=rng, jitter=self._jitter)
        return [[units[index] for index in batch] for batch in batches]

    def _units(self, epoch: int) -> list[tuple[int, ...]]:
        pairs = self._augment.concatenation
        if pairs is None:
            return [(index,) for index in range(len(self.durations))]
        rng = np.random.default_rng((self._seed, epoch, 0, 1))  # unlike that of any utterance
        limit = min(pairs.max_seconds, self._max_seconds)
        return pair_up(self.durations, share=pairs.share, max_seconds=limit, rng=rng)


class Request(NamedTuple):
    """What a loader process has to load: the utterances of these numbers as one; `streamed` are they themselves, where
    the process can not look them up."""

    epoch: int
    unit: tuple[int, ...]
    streamed: tuple[Example, ...] | None = None


_Item = tuple[Tensor, Example]
_Doubts = tuple[str, ...]  # on sound files: said by the process of the trainer, which knows what it has said before


class Waveforms(Dataset[tuple[_Item | AudioError, _Doubts]]):
    """Loads and augments utterances: what a loader process does."""

    def __init__(
        self, examples: Sequence[Example], augment: AugmentSettings, seed: int, separator: tuple[int, ...]
    ) -> None:
        self._examples = examples
        self._augment = augment
        self._seed = seed
        self._separator = separator

    def __getitem__(self, request: Request) -> tuple[_Item | AudioError, _Doubts]:
        doubts: list[str] = []
        try:
            return self._load(request, doubts), tuple(doubts)
        except AudioError as error:  # raised here, it would come out of a worker process as a traceback
            return error, tuple(doubts)

    def _load(self, request: Request, doubts: list[str]) -> _Item:
        epoch, unit, streamed = request
        rngs = [np.random.default_rng((self._seed, epoch, index)) for index in unit]
        examples = [self._examples[index] for index in unit] if streamed is None else streamed
        parts = [self._load_one(example, rng, doubts) for example, rng in zip(examples, rngs, strict=True)]
        waveform, example = parts[0] if len(parts) == 1 else self._join(parts[0], parts[1], rngs[0])
        return distort(waveform, self._augment, rngs[0], partial(self._load_voices, unit)), example

    def _load_one(self, example: Example, rng: np.random.Generator, doubts: list[str]) -> _Item:
        if rng.random() < self._augment.noise_share:
            num_samples = max(1, round(example.utterance.duration * SAMPLE_RATE))
            return background_noise(num_samples, rng), Example(example.utterance, ())
        source = example.sound or example.utterance.audio_filepath
        sound = _read_utterance(example.utterance, source)
        if sound.doubt:
            doubts.append(f"{source}: {sound.doubt}")
        waveform = sound_to_waveform(sound, source)
        _refuse_wrong_duration(example.utterance, len(waveform) / SAMPLE_RATE)
        return change_speed(waveform, choose_speed(self._augment, rng)), example

    def _join(self, first: _Item, second: _Item, rng: np.random.Generator) -> _Item:
        waveform = concatenate(first[0], second[0], rng)
        one, other = first[1], second[1]
        between = self._separator if one.tokens and other.tokens else ()  # noise has none
        utterance = replace(
            one.utterance,
            id=f"{one.utterance.id}+{other.utterance.id}",
            duration=len(waveform) / SAMPLE_RATE,
            text=f"{one.utterance.text} {other.utterance.text}",
        )
        return waveform, Example(utterance, one.tokens + between + other.tokens)

    def _load_voices(self, unit: tuple[int, ...], rng: np.random.Generator) -> list[Voice]:
        """What a few others of the training set say."""
        count = min(len(self._examples), int(rng.integers(*_TALKERS, endpoint=True)))
        chosen = rng.choice(len(self._examples), count, replace=False).tolist()
        return [load_utterance(self._examples[index].utterance).numpy() for index in chosen if index not in unit]


def load_utterance(utterance: Utterance, sound: EncodedSound | None = None) -> Float[Tensor, "samples"]:
    """The waveform of one line of a manifest, or of its `sound`, where that is in memory.

    Raises:
        AudioError: the file can not be used.
    """
    source = sound or utterance.audio_filepath
    found = _read_utterance(utterance, source)
    warn_once(found, source)
    return sound_to_waveform(found, source)


def _read_utterance(utterance: Utterance, source: Path | EncodedSound) -> Sound:
    channel = utterance.channel_selector
    if utterance.offset is None:
        return read_sound(source, channel=channel)
    return read_sound(source, offset=utterance.offset, duration=utterance.duration, channel=channel)


def load_batches(dataset: Waveforms, requests: Iterable[list[Request]], *, num_workers: int) -> Iterator[Batch]:
    """A batch for each list of requests, loaded by so many processes; the lists are taken shortly before their turn.

    Raises:
        AudioError: a sound file can not be used.
        TrainingError: a loading process was killed.
    """
    loader = DataLoader(
        dataset,
        batch_sampler=requests,
        collate_fn=_collate_or_error,
        num_workers=num_workers,
        worker_init_fn=prepare_worker,
        pin_memory=torch.cuda.is_available(),
    )
    for batch, doubts in watched(loader):
        for doubt in doubts:
            tell_once(doubt)
        if isinstance(batch, AudioError):
            raise batch
        yield batch


def _refuse_wrong_duration(utterance: Utterance, seconds: float) -> None:
    """Batches are planned by the durations of the manifest: one that lies takes too much memory, or can not be aligned.

    Raises:
        AudioError: the sound is longer or shorter than the manifest says, by more than rounding.
    """
    if abs(seconds - utterance.duration) > max(_LEAST_LIE, _LIE * utterance.duration):
        raise AudioError(
            f"{utterance.audio_filepath}, utterance {utterance.id} (line {utterance.line}): lasts {seconds:.2f} s, the "
            f"manifest says {utterance.duration:.2f} s; `asr doctor --fix` corrects the manifest"
        )


def _collate_or_error(loaded: Sequence[tuple[_Item | AudioError, _Doubts]]) -> tuple[Batch | AudioError, _Doubts]:
    doubts = tuple(doubt for _, some in loaded for doubt in some)
    errors = [item for item, _ in loaded if isinstance(item, AudioError)]
    batch = errors[0] if errors else collate([item for item, _ in loaded if not isinstance(item, AudioError)])
    return batch, doubts


def collate(items: Sequence[_Item]) -> Batch:
    """Waveforms padded with zeros to the longest of them."""
    waveforms = [waveform for waveform, _ in items]
    tokens = [example.tokens for _, example in items]
    return Batch(
        torch.nn.utils.rnn.pad_sequence(waveforms, batch_first=True),
        torch.tensor([len(waveform) for waveform in waveforms]),
        torch.tensor([token for row in tokens for token in row], dtype=torch.long),
        torch.tensor([len(row) for row in tokens]),
        tuple(example.utterance.id for _, example in items),
    )
