"""A step whose loss or gradient was not finite, saved with all that is needed to run it again."""

import io
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from asr.audio import SAMPLE_RATE
from asr.corpus.collate import Batch
from asr.errors import AsrError, OutputError, TrainingError
from asr.files import atomic_path
from asr.model import AcousticModel
from asr.recognizer import Recognizer
from asr.recurrent.names import in_current_names
from asr.tokens import Tokens
from asr.training.device import prepare_device
from asr.training.diagnosis.nonfinite import Examination, as_table, examine
from asr.training.loss import LossSettings
from asr.training.run.checkpoint import load_whole
from asr.training.settings import ExperimentSettings, settings_of_run
from asr.training.step import StepReport

FORMAT_VERSION = 1
# Names of the fields of a batch in incidents of earlier versions.
_EARLIER_NAMES = {"places": "rows", "num_places": "num_rows", "is_stand_in": "is_dummy"}


@dataclass(frozen=True, slots=True)
class Incident:
    """A step as it was: the batch (on the CPU), the weights before it, and the seed of its random numbers."""

    step: int
    epoch: int
    rank: int
    batch: Batch
    weights: dict[str, Tensor]
    settings: ExperimentSettings
    tokens: bytes


def save_incident(path: Path, incident: Incident, examination: Examination) -> None:
    """Write an incident, whole or not at all.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    state = {
        "format_version": FORMAT_VERSION,
        "step": incident.step,
        "epoch": incident.epoch,
        "rank": incident.rank,
        "batch": {**asdict(incident.batch.to(torch.device("cpu"))), "ids": list(incident.batch.ids)},
        "weights": {name: value.detach().cpu() for name, value in incident.weights.items()},
        "settings": incident.settings.model_dump(mode="json"),
        "tokens": incident.tokens,
        "examination": asdict(examination),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def keep_incident(
    run: Path,
    recognizer: Recognizer,
    report: StepReport,
    loss_settings: LossSettings,
    *,
    settings: ExperimentSettings,
    epoch: int,
    rank: int,
) -> tuple[str, str]:
    """Examine a step and save it in `run/incidents`; returns, for people, what was wrong, and how to run it again.

    `settings`: all of the run's, which are saved with it.
    """
    model, seed = recognizer.model, settings.training.seed
    examination = examine(model, report.batch, loss_settings, seed=seed, step=report.step, rank=rank)
    incident = Incident(report.step, epoch, rank, report.batch, model.state_dict(), settings, recognizer.tokens.model)
    path = run / "incidents" / f"step-{report.step + 1:08d}{f'-rank{rank}' if rank else ''}.pt"
    what = f"step {report.step + 1}: loss or gradient is not finite, likely because {examination.reason}"
    try:
        save_incident(path, incident, examination)
    except OutputError as error:
        return what, str(error)
    return what, f"`asr train --replay {path}` runs it again"


def load_incident(path: Path) -> Incident:
    """Read an incident; only tensors and plain values are ever unpickled.

    Raises:
        TrainingError: there is none, or it is damaged or of another version.
    """
    if not path.is_file():
        raise TrainingError(f"{path}: no such file; a training writes RUN/incidents/step-*.pt")
    try:
        state = load_whole(path)
        if state["format_version"] != FORMAT_VERSION:
            raise ValueError
        batch = {_EARLIER_NAMES.get(name, name): value for name, value in state["batch"].items()}
        batch["ids"] = tuple(batch["ids"])
        return Incident(
            state["step"],
            state["epoch"],
            state["rank"],
            Batch(**batch),
            state["weights"],
            ExperimentSettings.parse(settings_of_run(state["settings"]), source=str(path)),
            state["tokens"],
        )
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TrainingError(
            f"{path}: damaged, or not an incident that this asr has written ({type(error).__name__}); "
            "expected RUN/incidents/step-*.pt"
        ) from None


def replay(path: Path, device: torch.device) -> str:
    """Run the step of an incident again, on the same weights; returns what happened, as text. On the same kind of
    device the random numbers of dropout are the same too.

    Raises:
        TrainingError: the file cannot be used.
    """
    incident = load_incident(path)
    settings, loop = incident.settings, incident.settings.training
    try:
        vocab_size = len(Tokens(incident.tokens))
        model = AcousticModel(settings.model, vocab_size=vocab_size, sample_rate=SAMPLE_RATE)
        model.load_state_dict(in_current_names(incident.weights))
    except (AsrError, RuntimeError):
        raise TrainingError(f"{path}: damaged: its weights, tokens and settings do not fit together") from None
    model.to(device).train()
    loss_settings = LossSettings.on(device, loop, settings.augment)
    prepare_device(device, loss_settings.dtype)
    batch = incident.batch.to(device)
    examination = examine(model, batch, loss_settings, seed=loop.seed, step=incident.step, rank=incident.rank)
    return f"step {incident.step + 1} of epoch {incident.epoch}, on {device}\n\n{as_table(examination)}"
