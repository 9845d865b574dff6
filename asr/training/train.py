"""From settings to a trained model: reads the manifests, learns the tokens, checks the data, runs the loop."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr.audio import SAMPLE_RATE
from asr.corpus.batches import Example, TrainingBatches
from asr.corpus.concatenation import separator
from asr.corpus.manifest import (
    MAX_NAMED,
    Utterance,
    read_manifest,
    refuse_long,
    refuse_missing_files,
    without_missing_files,
)
from asr.corpus.sharded_batches import ShardedBatches
from asr.corpus.shards import ShardedCorpus, read_index
from asr.ctc import num_frames_needed
from asr.errors import ManifestError, TrainingError
from asr.files import remove_leftovers, write_text
from asr.model import AcousticModel
from asr.recognizer import Recognizer
from asr.settings import dump_settings
from asr.tokens import Tokens
from asr.training.device import is_out_of_memory
from asr.training.distributed import World, joined_world
from asr.training.loop import Trainer
from asr.training.run.checkpoint import Checkpoints
from asr.training.run.environment import ENVIRONMENT, note_environment
from asr.training.run.fingerprint import fingerprint
from asr.training.run.lock import locked
from asr.training.run.log import EXAMPLES, METRICS, STEPS
from asr.training.settings import ExperimentSettings

SETTINGS = "settings.yaml"


def train(
    settings: ExperimentSettings, folder: Path, *, resume: bool = False, skip_missing: bool = False
) -> Path | None:
    """Train into the run folder; the best model on dev is in `model/`, and `asr report` shows the rest.

    The rest: `settings.yaml`, `environment.json`, `metrics.jsonl`, `steps.jsonl`, `examples.jsonl`, and the states in
    `checkpoints/`. Under `torchrun` several processes train together. `skip_missing`: leave out utterances whose sound
    files are missing, instead of refusing the manifest. Returns the folder of the model, in the first process only.

    Raises:
        AsrError: settings, manifests, audio or tokens can not be used, or results not be written.
        Interrupted: Ctrl-C was pressed; the state is saved.
    """
    with joined_world() as world:
        if not world.is_first:
            _run(settings, folder, world, resume=resume, skip_missing=skip_missing)
            return None
        _refuse_used_folder(folder, resume)
        with locked(folder):
            _remove_leftovers(folder)
            _run(settings, folder, world, resume=resume, skip_missing=skip_missing)
        return folder / "model"


def _run(settings: ExperimentSettings, folder: Path, world: World, *, resume: bool, skip_missing: bool) -> None:
    trainer = make_trainer(settings, folder, world, skip_missing=skip_missing)
    if resume:
        trainer.resume()
    else:
        trainer.log.start_anew()
    if world.is_first:
        write_text(folder / SETTINGS, dump_settings(settings))
        first_epoch, device = trainer.progress.epoch, trainer.recognizer.device
        note_environment(folder, device, first_epoch=first_epoch, resume=resume, num_processes=world.size)
    trainer.fit()


def make_trainer(settings: ExperimentSettings, folder: Path, world: World, *, skip_missing: bool = False) -> Trainer:
    """Reads the manifests, learns the tokens, checks the data."""
    train_set, dev_set, missing = _read_sets(settings, skip_missing)
    torch.manual_seed(settings.training.seed)
    tokens, message = Tokens.train([utterance.text for utterance in train_set], settings.tokens)
    tokens = Tokens(world.of_first(tokens.model))
    model = _build(settings, tokens, world)
    batches, left_out = _make_batches(train_set, tokens, model, settings, world)
    identity = fingerprint(tokens.model, train_set, dev_set, list(batches.durations))
    _refuse_differences(world, identity, len(batches.durations))
    encode(dev_set, tokens, settings.data.dev)  # for its errors: a character that can not be learnt
    recognizer = Recognizer(model, tokens, settings.search)
    trainer = Trainer(settings, recognizer, batches, dev_set, folder=folder, fingerprint=identity, world=world)
    for text in [*missing, message, left_out, _facts(list(batches.durations), dev_set, model, tokens)]:
        if text:
            trainer.log.say(text)
    return trainer


def _build(settings: ExperimentSettings, tokens: Tokens, world: World) -> AcousticModel:
    try:
        return AcousticModel(settings.model, vocab_size=len(tokens), sample_rate=SAMPLE_RATE).to(world.device())
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"a model of {settings.model.num_layers} layers of {settings.model.hidden_size} cells does not fit into "
            "the memory; lower model.hidden_size or model.num_layers"
        ) from None


def _read_sets(
    settings: ExperimentSettings, skip_missing: bool
) -> tuple[list[Utterance] | ShardedCorpus, list[Utterance], list[str | None]]:
    """Train, which may be a folder of shards, and dev, and what has to be said of them."""
    train_path, dev_path = Path(settings.data.train), Path(settings.data.dev)
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
        refuse_long(utterances, path, settings.data.max_seconds)
    return train_set, dev_set, [train_message, dev_message]


def read_set(path: Path, skip_missing: bool) -> tuple[list[Utterance], str | None]:
    """The utterances of a manifest whose sound files are there, and a message on the others, if any are left out.

    Raises:
        ManifestError: it can not be used, or sound files are missing that are not to be left out.
    """
    utterances, message = read_manifest(path, check_files=False), None
    if skip_missing:
        utterances, message = without_missing_files(utterances, path)
    refuse_missing_files(utterances, path, remedy="--skip-missing")
    return utterances, message


def _make_batches(
    train_set: list[Utterance] | ShardedCorpus,
    tokens: Tokens,
    model: AcousticModel,
    settings: ExperimentSettings,
    world: World,
) -> tuple[TrainingBatches | ShardedBatches, str | None]:
    """The batches to train on, and a message on the utterances that are not in them."""
    loop, augment, source = settings.training, settings.augment, settings.data.train
    if isinstance(train_set, ShardedCorpus):
        durations, problems = [], []
        for part in _parts(train_set):  # what they are encoded to need not be in memory all at once
            durations += [utterance.duration for utterance in part]
            problems += _too_short(encode(part, tokens, source), model, augment.speeds)
        kept = np.array([problem is None for problem in problems])
        sharded = ShardedBatches(
            train_set,
            tokens,
            augment,
            durations=np.array(durations)[kept],
            kept=kept,
            max_seconds=loop.batch_seconds,
            jitter=loop.duration_jitter,
            seed=loop.seed,
            num_workers=loop.num_workers,
            rank=world.rank,
            num_ranks=world.size,
        )
        return sharded, _left_out(problems)
    examples, left_out = alignable(encode(train_set, tokens, source), model, augment.speeds)
    batches = TrainingBatches(
        examples,
        augment,
        max_seconds=loop.batch_seconds,
        jitter=loop.duration_jitter,
        seed=loop.seed,
        num_workers=loop.num_workers,
        separator=separator(tokens),
        rank=world.rank,
        num_ranks=world.size,
    )
    return batches, left_out


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
    examples: Sequence[Example], model: AcousticModel, speeds: Sequence[float]
) -> tuple[list[Example], str | None]:
    """The examples whose tokens fit into the model's frames, at the fastest speed too, and a message on the others.

    CTC gives text that does not fit probability zero: an infinite loss, which `zero_infinity` would only hide.

    Raises:
        TrainingError: none fits.
    """
    problems = _too_short(examples, model, speeds)
    message = _left_out(problems)
    return [example for example, problem in zip(examples, problems, strict=True) if problem is None], message


def _too_short(examples: Sequence[Example], model: AcousticModel, speeds: Sequence[float]) -> list[str | None]:
    """For each example None, or what its tokens need and its frames are, if they do not fit."""
    fastest = max(speeds, default=1.0)
    samples = torch.tensor([int(example.utterance.duration / fastest * SAMPLE_RATE) for example in examples])
    needed = [num_frames_needed(example.tokens) for example in examples]
    return [
        None if n >= wanted else f"{example.utterance.id} ({n} frames for {wanted} tokens and repeats)"
        for n, wanted, example in zip(model.num_output_frames(samples).tolist(), needed, examples, strict=True)
    ]


def _left_out(problems: Sequence[str | None]) -> str | None:
    out = [problem for problem in problems if problem is not None]
    if len(out) == len(problems):
        raise TrainingError(f"no utterance can be aligned: {', '.join(out[:MAX_NAMED])}; lower model.subsampling")
    if not out:
        return None
    more = f" and {len(out) - MAX_NAMED} more" if len(out) > MAX_NAMED else ""
    return f"left out, too short for their text: {len(out)} utterances: {', '.join(out[:MAX_NAMED])}{more}"


def _refuse_differences(world: World, identity: dict[str, Any], num_utterances: int) -> None:
    """Processes that have different utterances would train on some twice, and wait for each other forever."""
    if any(other != identity for other in world.gather(identity)):
        counts = world.gather(num_utterances)
        raise TrainingError(
            f"the processes do not see the same data: {min(counts)} to {max(counts)} utterances to train on; give all "
            "machines the same manifests and sound files"
        )


def _remove_leftovers(folder: Path) -> None:
    """What a training that was killed while it wrote has left beside its files."""
    for name in (SETTINGS, ENVIRONMENT, METRICS, STEPS, EXAMPLES):
        remove_leftovers(folder, name)
    Checkpoints(folder).remove_leftovers()
    remove_leftovers(folder / "incidents", "step-*.pt")


def _refuse_used_folder(folder: Path, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"{folder}: is a file; give a folder for the run")
    if not resume and Checkpoints(folder).paths():
        raise TrainingError(f"{folder}: holds a training already; go on with --resume, or give another folder")


def _facts(train: Sequence[float], dev: Sequence[Utterance], model: AcousticModel, tokens: Tokens) -> str:
    hours = [sum(train) / 3600, sum(utterance.duration for utterance in dev) / 3600]
    weights = sum(p.numel() for p in model.parameters()) / 1e6
    return (
        f"train {len(train)} utterances, {hours[0]:.2f} h; dev {len(dev)}, {hours[1]:.2f} h; "
        f"{weights:.2f} million weights, {len(tokens)} tokens, on {model.device}"
    )
