"""The dataset of the loader processes: requests -> augmented waveforms with their tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from asr.audio import SAMPLE_RATE, sound_to_waveform
from asr.corpus.augment import AugmentSettings, background_noise, change_speed, choose_speed, distort
from asr.corpus.concatenation import concatenate
from asr.corpus.effects.level import Voice
from asr.corpus.effects.pause import NO_PAUSES, PauseSeconds
from asr.corpus.manifest import Utterance
from asr.corpus.utterances import load_utterance, read_utterance
from asr.decoders.opening import EncodedSound
from asr.errors import AudioError

_LEAST_LIE, _LIE = 0.5, 0.1  # seconds, and share of the duration, by which a manifest may be off
_TALKERS = (3, 7)  # in babble, as many as in Kaldi's recipes


@dataclass(frozen=True, slots=True)
class Example:
    """An utterance with its token ids, and its sound if that is not a file of its own."""

    utterance: Utterance
    tokens: tuple[int, ...]
    sound: EncodedSound | None = None


class Request(NamedTuple):
    """What a loader process has to load: the utterances of these numbers, joined into one, with these pauses.
    `streamed` holds the utterances where the process cannot look them up."""

    epoch: int
    unit: tuple[int, ...]
    pauses: PauseSeconds = NO_PAUSES
    streamed: tuple[Example, ...] | None = None


Item: TypeAlias = tuple[Voice, Example]
Doubts: TypeAlias = tuple[
    str, ...
]  # on sound files; the trainer's process reports them, since it knows what was reported before


class Waveforms:
    """Loads and augments utterances. The dataset of a DataLoader, whose keys are the requests."""

    def __init__(
        self, examples: Sequence[Example], augment: AugmentSettings, seed: int, separator: tuple[int, ...]
    ) -> None:
        self._examples = examples
        self._augment = augment
        self._seed = seed
        self._separator = separator

    def __getitem__(self, request: Request) -> tuple[Item | AudioError, Doubts]:
        doubts: list[str] = []
        try:
            return self._load(request, doubts), tuple(doubts)
        except AudioError as error:  # raised here, it would leave a worker process as a traceback
            return error, tuple(doubts)

    def _load(self, request: Request, doubts: list[str]) -> Item:
        epoch, unit, pauses, streamed = request
        rngs = [np.random.default_rng((self._seed, epoch, index)) for index in unit]
        examples = [self._examples[index] for index in unit] if streamed is None else streamed
        parts = [self._load_one(example, rng, doubts) for example, rng in zip(examples, rngs, strict=True)]
        waveform, example = parts[0] if len(parts) == 1 else self._join(parts[0], parts[1], rngs[0])
        return distort(waveform, self._augment, rngs[0], partial(self._load_voices, unit), pauses), example

    def _load_one(self, example: Example, rng: np.random.Generator, doubts: list[str]) -> Item:
        if rng.random() < self._augment.noise_share:
            num_samples = max(1, round(example.utterance.duration * SAMPLE_RATE))
            noise = background_noise(num_samples, rng, nonspeech_share=self._augment.nonspeech_share)
            return noise, Example(example.utterance, ())
        source = example.sound or example.utterance.audio_filepath
        sound = read_utterance(example.utterance, example.sound)
        if sound.doubt:
            doubts.append(f"{source}: {sound.doubt}")
        waveform = sound_to_waveform(sound, source)
        _refuse_wrong_duration(example.utterance, len(waveform) / SAMPLE_RATE)
        return change_speed(waveform, choose_speed(self._augment, rng)), example

    def _join(self, first: Item, second: Item, rng: np.random.Generator) -> Item:
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
        """The sounds of a few other utterances of the training set."""
        count = min(len(self._examples), int(rng.integers(*_TALKERS, endpoint=True)))
        chosen = rng.choice(len(self._examples), count, replace=False).tolist()
        return [load_utterance(self._examples[index].utterance) for index in chosen if index not in unit]


def _refuse_wrong_duration(utterance: Utterance, seconds: float) -> None:
    """Batches are planned by the manifest's durations: a wrong one takes too much memory, or cannot be aligned.

    Raises:
        AudioError: the sound is longer or shorter than the manifest says, by more than rounding.
    """
    if abs(seconds - utterance.duration) > max(_LEAST_LIE, _LIE * utterance.duration):
        raise AudioError(
            f"{utterance.audio_filepath}, utterance {utterance.id} (line {utterance.line}): lasts {seconds:.2f} s, the "
            f"manifest says {utterance.duration:.2f} s; `asr doctor --fix` corrects the manifest"
        )
