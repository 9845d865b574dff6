"""From settings to a trained model: data, tokens, network, then the loop, and the run folder for all of it."""

from pathlib import Path

import torch

from asr.audio import SAMPLE_RATE
from asr.errors import TrainingError
from asr.files import remove_leftovers
from asr.model import AcousticModel
from asr.model_folder import ModelParts
from asr.model_settings import ModelSettings
from asr.recognizer import Recognizer
from asr.tokens import Tokens
from asr.torch_engine import TorchEngine
from asr.training.data import TrainingData, prepare_data
from asr.training.device import is_out_of_memory
from asr.training.distributed import World, joined_world
from asr.training.loop import Trainer
from asr.training.run.checkpoint import Checkpoints
from asr.training.run.environment import ENVIRONMENT
from asr.training.run.folder import RunFolder
from asr.training.run.lock import locked
from asr.training.run.records import EXAMPLES, METRICS, STEPS
from asr.training.settings import SETTINGS, ExperimentSettings
from asr.training.start import load_start, with_network_of_start
from asr.training.step import Stepper


def train(
    settings: ExperimentSettings, folder: Path, *, resume: bool = False, skip_missing: bool = False
) -> Path | None:
    """Train into the run folder; the best model on dev is in `model/`, and `asr report` shows the rest.

    The rest: `settings.yaml`, `environment.json`, `metrics.jsonl`, `steps.jsonl`, `examples.jsonl`, and the states in
    `checkpoints/`. Under `torchrun` several processes train together. `skip_missing`: leave out utterances whose sound
    files are missing, instead of refusing the manifest. Returns the folder of the model, in the first process only.

    Raises:
        AsrError: settings, manifests, audio or tokens cannot be used, or results not be written.
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
        first_epoch, device = trainer.progress.epoch, trainer.recognizer.model.device
        trainer.run.note_start(device, first_epoch=first_epoch, resume=resume, num_processes=world.size)
    trainer.fit()


def make_trainer(settings: ExperimentSettings, folder: Path, world: World, *, skip_missing: bool = False) -> Trainer:
    """Reads the manifests, learns the tokens, checks the data, builds the model."""
    settings = with_network_of_start(settings)
    data = prepare_data(settings, world, skip_missing=skip_missing)
    torch.manual_seed(settings.training.seed)
    model = _build(settings.model, data.tokens, world)
    if settings.training.start_from is not None:
        load_start(model, data.tokens, Path(settings.training.start_from))
    engine = TorchEngine(model, feature_dtype=torch.float32)
    recognizer = Recognizer(ModelParts(engine, data.tokens, settings.search))
    stepper = Stepper(model, settings.training, settings.augment, world)
    run = RunFolder(folder, settings, data.fingerprint)
    trainer = Trainer(settings.training, recognizer, stepper, data, run=run, world=world)
    for text in [*data.messages, _facts(data, model)]:
        trainer.log.say(text)
    return trainer


def _build(settings: ModelSettings, tokens: Tokens, world: World) -> AcousticModel:
    try:
        return AcousticModel(settings, vocab_size=len(tokens), sample_rate=SAMPLE_RATE).to(world.device())
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"a model of {settings.num_layers} layers of {settings.hidden_size} cells does not fit into "
            "the memory; lower model.hidden_size or model.num_layers"
        ) from None


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of a training that was killed while writing."""
    for name in (SETTINGS, ENVIRONMENT, METRICS, STEPS, EXAMPLES):
        remove_leftovers(folder, name)
    Checkpoints(folder).remove_leftovers()
    remove_leftovers(folder / "incidents", "step-*.pt")


def _refuse_used_folder(folder: Path, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"{folder}: is a file; give a folder for the run")
    if not resume and Checkpoints(folder).paths():
        raise TrainingError(f"{folder}: holds a training already; go on with --resume, or give another folder")


def _facts(data: TrainingData, model: AcousticModel) -> str:
    train, dev = data.batches.durations, [utterance.duration for utterance in data.dev]
    weights = sum(p.numel() for p in model.parameters()) / 1e6
    return (
        f"train {len(train)} utterances, {sum(train) / 3600:.2f} h; dev {len(dev)}, {sum(dev) / 3600:.2f} h; "
        f"{weights:.2f} million weights, {len(data.tokens)} tokens, on {model.device}"
    )
