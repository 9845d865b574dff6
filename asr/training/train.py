"""From settings to a trained model: reads the manifests, learns the tokens, checks the data, runs the loop."""

from collections.abc import Sequence
from pathlib import Path

import torch

from asr.align import num_frames_needed
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
from asr.errors import TrainingError
from asr.files import write_text
from asr.model import AcousticModel
from asr.recognizer import Recognizer
from asr.settings import dump_settings
from asr.tokens import Tokens
from asr.training.checkpoint import Checkpoints
from asr.training.distributed import World, joined_world
from asr.training.environment import note_environment
from asr.training.lock import locked
from asr.training.loop import Trainer
from asr.training.settings import ExperimentSettings


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
            _run(settings, folder, world, resume=resume, skip_missing=skip_missing)
        return folder / "model"


def _run(settings: ExperimentSettings, folder: Path, world: World, *, resume: bool, skip_missing: bool) -> None:
    trainer = make_trainer(settings, folder, world, skip_missing=skip_missing)
    if resume:
        trainer.resume()
    if world.is_first:
        write_text(folder / "settings.yaml", dump_settings(settings))
        first_epoch, device = trainer.progress.epoch, trainer.recognizer.device
        note_environment(folder, device, first_epoch=first_epoch, resume=resume, num_processes=world.size)
    trainer.fit()


def make_trainer(settings: ExperimentSettings, folder: Path, world: World, *, skip_missing: bool = False) -> Trainer:
    """Reads the manifests, learns the tokens, checks the data."""
    train_set, dev_set, missing = _read_manifests(settings, skip_missing)
    torch.manual_seed(settings.training.seed)
    tokens, message = Tokens.train([utterance.text for utterance in train_set], settings.tokens)
    tokens = Tokens(world.of_first(tokens.model))
    model = AcousticModel(settings.model, vocab_size=len(tokens), sample_rate=SAMPLE_RATE).to(world.device())
    examples, left_out = alignable(encode(train_set, tokens, settings.data.train), model, settings.augment.speeds)
    batches = TrainingBatches(
        examples,
        settings.augment,
        max_seconds=settings.training.batch_seconds,
        seed=settings.training.seed,
        num_workers=settings.training.num_workers,
        separator=separator(tokens),
        rank=world.rank,
        num_ranks=world.size,
    )
    encode(dev_set, tokens, settings.data.dev)  # for its errors: a character that can not be learnt
    trainer = Trainer(
        settings, Recognizer(model, tokens, settings.search), batches, dev_set, folder=folder, world=world
    )
    for text in [*missing, message, left_out, _facts(examples, dev_set, model, tokens)]:
        if text:
            trainer.log.say(text)
    return trainer


def _read_manifests(
    settings: ExperimentSettings, skip_missing: bool
) -> tuple[list[Utterance], list[Utterance], list[str | None]]:
    """Of train and dev the utterances, and what has to be said of them."""
    paths = [Path(settings.data.train), Path(settings.data.dev)]
    sets, messages = [], []
    for path in paths:
        utterances, message = read_manifest(path, check_files=False), None
        if skip_missing:
            utterances, message = without_missing_files(utterances, path)
        refuse_missing_files(utterances, path, remedy="--skip-missing")
        refuse_long(utterances, path, settings.data.max_seconds)
        sets.append(utterances)
        messages.append(message)
    return sets[0], sets[1], messages


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
    """
    fastest = max(speeds, default=1.0)
    samples = torch.tensor([int(example.utterance.duration / fastest * SAMPLE_RATE) for example in examples])
    frames = model.num_output_frames(samples).tolist()
    fits = [n >= num_frames_needed(example.tokens) for n, example in zip(frames, examples, strict=True)]
    kept = [example for example, fit in zip(examples, fits, strict=True) if fit]
    out = [
        f"{example.utterance.id} ({n} frames for {num_frames_needed(example.tokens)} tokens and repeats)"
        for n, example, fit in zip(frames, examples, fits, strict=True)
        if not fit
    ]
    if not kept:
        raise TrainingError(f"no utterance can be aligned: {', '.join(out[:MAX_NAMED])}; lower model.subsampling")
    if not out:
        return kept, None
    more = f" and {len(out) - MAX_NAMED} more" if len(out) > MAX_NAMED else ""
    return kept, f"left out, too short for their text: {len(out)} utterances: {', '.join(out[:MAX_NAMED])}{more}"


def _refuse_used_folder(folder: Path, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"{folder}: is a file; give a folder for the run")
    if not resume and Checkpoints(folder).paths():
        raise TrainingError(f"{folder}: holds a training already; go on with --resume, or give another folder")


def _facts(examples: Sequence[Example], dev: Sequence[Utterance], model: AcousticModel, tokens: Tokens) -> str:
    hours = [sum(u.duration for u in utterances) / 3600 for utterances in ([e.utterance for e in examples], dev)]
    weights = sum(p.numel() for p in model.parameters()) / 1e6
    return (
        f"train {len(examples)} utterances, {hours[0]:.2f} h; dev {len(dev)}, {hours[1]:.2f} h; "
        f"{weights:.2f} million weights, {len(tokens)} tokens, on {model.head.weight.device}"
    )
