"""The run folder: records in its files the settings and data they belong to, and refuses files of other runs."""

from pathlib import Path
from typing import Any

import torch

from asr.errors import TrainingError
from asr.evaluation import Evaluation
from asr.files import write_text
from asr.recognizer import Recognizer
from asr.settings import dump_settings
from asr.training.diagnosis.replay import keep_incident
from asr.training.loss import LossSettings
from asr.training.run.best import model_card
from asr.training.run.checkpoint import Checkpoints
from asr.training.run.environment import note_environment
from asr.training.settings import SETTINGS, ExperimentSettings, changed_settings
from asr.training.step import StepReport


class RunFolder:
    """Of one training; `fingerprint`: that of its tokens and utterances."""

    def __init__(self, path: Path, settings: ExperimentSettings, fingerprint: dict[str, Any]) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self.checkpoints = Checkpoints(path, keep=settings.training.keep_last)
        self._settings = settings

    def note_start(self, device: torch.device, *, first_epoch: int, resume: bool, num_processes: int) -> None:
        """Write `settings.yaml` and `environment.json`.

        Raises:
            TrainingError: the records of the starts before are broken.
            OutputError: a file cannot be written.
        """
        write_text(self.path / SETTINGS, dump_settings(self._settings))
        note_environment(self.path, device, first_epoch=first_epoch, resume=resume, num_processes=num_processes)

    def save_state(self, step: int, state: dict[str, Any]) -> None:
        """Write a checkpoint, with what it belongs to.

        Raises:
            OutputError: it cannot be written; those before are untouched.
        """
        settings = self._settings.model_dump(mode="json")
        self.checkpoints.save(step, {**state, "settings": settings, **self.fingerprint})

    def refuse_other(self, path: Path, state: dict[str, Any]) -> None:
        """Raises TrainingError for a checkpoint, read from `path`, of other settings or tokens."""
        if changed := changed_settings(state.get("settings", {}), self._settings):
            raise TrainingError(f"{path}: was made with other settings: {changed}; set these back, or start a new run")
        if state.get("tokens_sha256") != self.fingerprint["tokens_sha256"]:
            raise TrainingError(
                f"{path}: the training texts have changed since, and with them the tokens; start a new run"
            )

    def keep_incident(
        self, recognizer: Recognizer, report: StepReport, loss_settings: LossSettings, *, epoch: int, rank: int
    ) -> tuple[str, str]:
        """As `replay.keep_incident`."""
        return keep_incident(
            self.path, recognizer, report, loss_settings, settings=self._settings, epoch=epoch, rank=rank
        )

    def model_card(self, epoch: int, evaluation: Evaluation) -> str:
        """The `README.md` of a model: what it was trained on, and how well it does on dev."""
        return model_card(self._settings.data, self._settings.training.seed, epoch, evaluation)
