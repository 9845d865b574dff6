"""Trainings on the language of tones that take a second, and what they leave."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from asr.settings import load_settings
from asr.training.run.checkpoint import Checkpoints
from asr.training.settings import ExperimentSettings
from tests.support.tones import random_texts, write_corpus


def write_small_corpus(folder: Path, *, num_train: int = 15, num_dev: int = 5) -> Path:
    """Utterances to train on, and of dev: seconds of sound, batches of one utterance and of several."""
    write_corpus(folder, "train", random_texts(num_train, seed=1), seed=1)
    write_corpus(folder, "dev", random_texts(num_dev, seed=2), seed=2)
    return folder


def write_conf(corpus: Path, path: Path, **loop: object) -> Path:
    values = {
        "data": {"train": str(corpus / "train.jsonl"), "dev": str(corpus / "dev.jsonl")},
        "model": {"subsampling": 2, "conv_channels": 4, "num_layers": 1, "hidden_size": 8, "dropout": 0.2},
        "training": {"max_epochs": 3, "batch_seconds": 6, "num_workers": 0, "warmup_steps": 5, **loop},
    }
    path.write_text(yaml.safe_dump(values))
    return path


def settings_for(corpus: Path, folder: Path, overrides: list[str] | None = None, **loop: object) -> ExperimentSettings:
    return load_settings(ExperimentSettings, write_conf(corpus, folder / "conf.yaml", **loop), overrides)


def weights_of(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def saved_state(run: Path) -> dict[str, Any]:
    return Checkpoints(run).load(pytest.fail)[1]


def state_of(run: Path) -> dict[str, torch.Tensor]:
    state = saved_state(run)
    return {**state["model"], **{f"average.{name}": value for name, value in state["average"].items()}}
