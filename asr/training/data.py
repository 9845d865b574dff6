"""Settings -> training data: manifests are read, tokens learnt, utterances checked and put into batches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from asr.audio import SAMPLE_RATE
from asr.corpus.batches import BatchSettings, EpochBatches, TrainingBatches
from asr.corpus.concatenation import separator
from asr.corpus.manifest import (
    Utterance,
    read_manifest,
    refuse_long,
    refuse_missing_files,
    without_missing_files,
)
from asr.corpus.sharded_batches import ShardedBatches
from asr.corpus.shards import ShardedCorpus, read_index
from asr.corpus.waveforms import Example
from asr.ctc import num_frames_needed
from asr.errors import ManifestError, TrainingError
from asr.messages import MAX_NAMED, named
from asr.model_settings import ModelSettings, num_output_frames
from asr.tokens import Tokens
from asr.training.distributed import World
from asr.training.run.fingerprint import fingerprint
from asr.training.settings import DataSettings, ExperimentSettings
from asr.training.start import tokens_of_start


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The data of a training. `fingerprint`: digests of its tokens and utterances, for later comparison
    (`fingerprint.py`). `messages`: for people, such as how many utterances are in no batch.
    """

    tokens: Tokens
    batches: EpochBatches
    dev: list[Utterance]
    fingerprint: dict[str, Any]
    messages: list[str]


def prepare_data(settings: ExperimentSettings, world: World, *, skip_missing: bool = False) -> TrainingData:
    """Read the manifests, learn the tokens, and put utterances whose text fits into the model's frames into batches.

    Raises:
        ManifestError: a manifest cannot be used, dev has no word, or sound files are missing and `skip_missing` is off.
        TokensError: tokens cannot be learnt from the texts, or a text of dev has a character outside their alphabet.
        TrainingError: no utterance can be aligned, or the processes do not see the same data.
    """
    train_set, dev_set, missing = _read_sets(settings.data, skip_missing)
    tokens, message = _tokens(train_set, settings)
    tokens = Tokens(world.broadcast(tokens.model))
    batches, left_out = _make_batches(train_set, tokens, settings, world)
    identity = fingerprint(tokens.model, train_set, dev_set, list(batches.durations))
    _refuse_differences(world, identity, len(batches.durations))
    encode(dev_set, tokens, settings.data.dev)  # for its errors: a character that cannot be learnt
    messages = [text for text in (*missing, message, left_out) if text]
    return TrainingData(tokens, batches, dev_set, identity, messages)


def _tokens(train_set: list[Utterance] | ShardedCorpus, settings: ExperimentSettings) -> tuple[Tokens, str | None]:
    """Those of the model to start from, if they can write the texts; else learnt. And a message for people, or None."""
    reason = None
    if settings.training.start_from is not None:
        start = tokens_of_start(Path(settings.training.start_from), train_set)
        if start.message is None:
            return start.tokens, None
        reason = start.message
    tokens, message = Tokens.train([utterance.text for utterance in train_set], settings.tokens)
    return tokens, "; ".join(text for text in (reason, message) if text) or None


def _read_sets(
    data: DataSettings, skip_missing: bool
) -> tuple[list[Utterance] | ShardedCorpus, list[Utterance], list[str | None]]:
    """Train, which may be a folder of shards, and dev, with messages on them."""
    train_path, dev_path = Path(data.train), Path(data.dev)
    train_set, train_message = (
        (read_index(train_path), None) if train_path.is_dir() else read_set(train_path, skip_missing)
    )
    dev_set, dev_message = read_set(dev_path, skip_missing)
    if not any(utterance.text.split() for utterance in dev_set):
        raise ManifestError(
            f"{dev_path}: none of the {len(dev_set)} texts has a word, so no error rate can be measured; "
            "give data.dev a manifest with transcripts"
        )
    for utterances, path in ((train_set, train_path), (dev_set, dev_path)):
        refuse_long(utterances, path, data.max_seconds)
    return train_set, dev_set, [train_message, dev_message]


def read_set(path: Path, skip_missing: bool) -> tuple[list[Utterance], str | None]:
    """The utterances of a manifest whose sound files exist, and a message on those that are left out, if any.

    Raises:
        ManifestError: it cannot be used, or sound files are missing and `skip_missing` is off.
    """
    utterances, message = read_manifest(path, check_files=False), None
    if skip_missing:
        utterances, message = without_missing_files(utterances, path)
    refuse_missing_files(utterances, path, remedy="--skip-missing")
    return utterances, message


def _make_batches(
    train_set: list[Utterance] | ShardedCorpus,
    tokens: Tokens,
    settings: ExperimentSettings,
    world: World,
) -> tuple[EpochBatches, str | None]:
    """The batches to train on, and a message on the utterances that are left out."""
    loop, augment, source = settings.training, settings.augment, settings.data.train
    how = BatchSettings(
        augment,
        loop.batch_seconds,
        loop.seed,
        num_workers=loop.num_workers,
        jitter=loop.duration_jitter,
        rank=world.rank,
        num_ranks=world.size,
    )
    if isinstance(train_set, ShardedCorpus):
        durations, lengths, problems = [], [], []
        for part in _parts(train_set):  # so that not all encoded texts are in memory at once
            durations += [utterance.duration for utterance in part]
            examples = encode(part, tokens, source)
            lengths += [len(example.tokens) for example in examples]
            problems += _too_short(examples, settings.model, augment.speeds)
        left_out, kept = _left_out(problems), np.array([problem is None for problem in problems])
        num_tokens, durations = int(np.array(lengths)[kept].sum()), np.array(durations)[kept]
        return ShardedBatches(train_set, tokens, how, durations=durations, num_tokens=num_tokens, kept=kept), left_out
    examples, left_out = alignable(encode(train_set, tokens, source), settings.model, augment.speeds)
    return TrainingBatches(examples, how, separator=separator(tokens)), left_out


def _parts(utterances: Iterable[Utterance]) -> Iterator[list[Utterance]]:
    rest = iter(utterances)
    while part := list(islice(rest, 10_000)):
        yield part


def encode(utterances: Sequence[Utterance], tokens: Tokens, source: str) -> list[Example]:
    """Token ids for each utterance.

    Raises:
        TokensError: a text has a character outside the alphabet; names it, the utterance and the line.
    """
    return [
        Example(u, tuple(tokens.encode(u.text, where=f"{source}, line {u.line}, utterance {u.id}"))) for u in utterances
    ]


def alignable(
    examples: Sequence[Example], model: ModelSettings, speeds: Sequence[float]
) -> tuple[list[Example], str | None]:
    """The examples whose tokens fit into the model's frames even at the fastest speed, and a message on the others.

    CTC gives text that does not fit probability zero: an infinite loss, which `zero_infinity` would only hide.

    Raises:
        TrainingError: none fits.
    """
    problems = _too_short(examples, model, speeds)
    message = _left_out(problems)
    return [example for example, problem in zip(examples, problems, strict=True) if problem is None], message


def _too_short(examples: Sequence[Example], model: ModelSettings, speeds: Sequence[float]) -> list[str | None]:
    """For each example None, or, if its tokens do not fit, how many frames it has and how many it needs."""
    fastest = max(speeds, default=1.0)
    problems: list[str | None] = []
    for example in examples:
        num_frames = num_output_frames(model, int(example.utterance.duration / fastest * SAMPLE_RATE), SAMPLE_RATE)
        needed = num_frames_needed(example.tokens)
        misfit = f"{example.utterance.id} ({num_frames} frames for {needed} tokens and repeats)"
        problems.append(misfit if num_frames < needed else None)
    return problems


def _left_out(problems: Sequence[str | None]) -> str | None:
    out = [problem for problem in problems if problem is not None]
    if len(out) == len(problems):
        raise TrainingError(f"no utterance can be aligned: {', '.join(out[:MAX_NAMED])}; lower model.subsampling")
    if not out:
        return None
    return f"left out, too short for their text: {len(out)} utterances: {named(out)}"


def _refuse_differences(world: World, identity: dict[str, Any], num_utterances: int) -> None:
    """With different utterances, processes would train on some twice, and wait for each other forever."""
    if any(other != identity for other in world.gather(identity)):
        counts = world.gather(num_utterances)
        raise TrainingError(
            f"the processes do not see the same data: {min(counts)} to {max(counts)} utterances to train on; give all "
            "machines the same manifests and sound files"
        )
