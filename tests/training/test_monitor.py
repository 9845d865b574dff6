"""The monitor warns of trainings that are ill, once, and leaves healthy ones alone."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.training.diagnosis.layer_norms import LayerNorms, layer_norms
from asr.training.diagnosis.monitor import Monitor
from asr.training.run.metrics import EpochRecord
from asr.training.train import train
from tests.support.small_training import settings_for
from tests.support.tones import random_texts, write_corpus


def record(epoch: int, **values: Any) -> EpochRecord:
    """An epoch of a healthy training; losses and errors fall."""
    healthy = EpochRecord(
        epoch=epoch,
        step=500 * epoch,
        train_loss=3 / epoch,
        dev_loss=3 / epoch,
        dev_wer=1 / epoch,
        gradient_norm=3.0,
        blank_ratio=0.7,
        layers={name: LayerNorms(10.0 + epoch, 0.1) for name in ("subsampling", "layers.0", "head")},
    )
    return replace(healthy, **values)


def warnings_of(records: list[EpochRecord]) -> list[list[str]]:
    monitor = Monitor()
    return [monitor.check(each) for each in records]


def test_a_healthy_training_gets_no_warning() -> None:
    assert not any(warnings_of([record(epoch) for epoch in range(1, 31)]))
    # The first epochs of CTC are blanks; AN4's dev loss rises a little at the end while the error rate falls.
    beginning = [record(epoch, step=100 * epoch, blank_ratio=1.0, dev_wer=1.0) for epoch in range(1, 8)]
    end = [
        record(epoch, step=100 * epoch, dev_loss=0.4 + 0.001 * epoch, train_loss=1 / epoch) for epoch in range(8, 40)
    ]
    assert not any(warnings_of(beginning + end))


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"blank_ratio": 1.0, "dev_wer": 1.0}, "blanks only"),
        ({"gradient_norm": 200.0}, "gradients are far larger"),
        ({"dev_loss": 2.0, "dev_wer": 0.5, "train_loss": 0.01}, "dev has become worse"),
    ],
)
def test_what_is_ill_is_said_once_and_again_when_it_comes_back(values: dict[str, Any], warning: str) -> None:
    healthy = [record(epoch) for epoch in range(1, 11)]
    ill = [record(epoch, **values) for epoch in range(11, 21)]
    better, worse = [record(epoch) for epoch in range(21, 26)], [record(epoch, **values) for epoch in range(26, 36)]
    said = warnings_of(healthy + ill + better + worse)
    when = [number for number, texts in enumerate(said) if texts]
    assert len(when) == 2
    assert 10 <= when[0] < 20
    assert when[1] >= 25
    assert all(warning in said[number][0] for number in when)


def test_a_dead_and_an_exploding_layer_are_named() -> None:
    layers = record(9).layers
    dead = {**layers, "layers.0": LayerNorms(19.0, 1e-9)}
    exploding = {**layers, "head": LayerNorms(1e4, 100.0)}
    said = warnings_of([record(8), record(9, layers=dead), record(10, layers=exploding), record(11)])
    assert [len(texts) for texts in said] == [0, 1, 1, 0]
    assert said[1][0].startswith("layers.0 learns nothing")
    assert said[2][0].startswith("the weights of head have grown")


# What AdamW with a learning rate of 1 has made of a network of tones in three epochs of 11 steps: loss, then norms.
START = {"subsampling": 3.0, "layers.0": 13.5, "layers.1": 13.5, "norm": 4.0, "head": 2.5}
TOO_FAST = [
    (16.0, {"subsampling": (106, 2.2), "layers.0": (117, 4.1), "layers.1": (117, 0.14), "head": (20.9, 0.53)}),
    (33.6, {"subsampling": (142, 0.12), "layers.0": (156, 2), "layers.1": (155, 0.39), "head": (23.2, 1.3)}),
    (16.2, {"subsampling": (146, 6e-5), "layers.0": (161, 4e-4), "layers.1": (161, 1.2), "head": (20.4, 3.4)}),
]


@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_of_a_learning_rate_that_is_far_too_high_it_is_not_said_that_a_layer_learns_nothing(scale: float) -> None:
    monitor, said = Monitor({name: LayerNorms(weights, 0.0) for name, weights in START.items()}), []
    for epoch, (loss, layers) in enumerate(TOO_FAST, start=1):
        norms = {name: LayerNorms(scale * weights, float(gradient)) for name, (weights, gradient) in layers.items()}
        said.append(monitor.check(record(epoch, train_loss=loss, dev_loss=20.0, dev_wer=1.0, layers=norms)))
    assert [len(texts) for texts in said] == ([1, 0, 0] if scale == 1 else [0, 1, 0])
    (text,) = said[0] + said[1]
    assert text.startswith("the weights of subsampling have grown")
    assert "most likely because training.learning_rate is too high" in text


def test_a_training_with_a_learning_rate_that_is_far_too_high_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path, "train", random_texts(12, seed=1), seed=1)
    write_corpus(tmp_path, "dev", random_texts(2, seed=2), seed=2)
    settings = settings_for(tmp_path, tmp_path, max_epochs=2, learning_rate=3.0, batch_seconds=2.5)
    train(settings, tmp_path / "run")
    said = " ".join(capfd.readouterr().err.split())
    assert "training.learning_rate is too high; begin anew with a tenth of it" in said
    assert "learns nothing" not in said


def test_norms_by_layer() -> None:
    torch.manual_seed(0)
    settings = ModelSettings(conv_channels=2, num_layers=2, hidden_size=4)
    model = AcousticModel(settings, vocab_size=5, sample_rate=16_000)
    assert list(layer_norms(model)) == ["subsampling", "layers.0", "layers.1", "norm", "head"]
    assert layer_norms(model)["head"].gradients == 0.0
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 2.0)
    found = layer_norms(model)
    assert found["head"].gradients == pytest.approx(2 * math.sqrt(8 * 5 + 5))
    squares = sum(float((parameter.detach() ** 2).sum()) for parameter in model.layers[1].parameters())
    assert found["layers.1"].weights == pytest.approx(math.sqrt(squares), rel=1e-5)
    total = math.sqrt(sum(norms.gradients**2 for norms in found.values()))
    assert total == pytest.approx(2 * math.sqrt(sum(parameter.numel() for parameter in model.parameters())), rel=1e-5)


def test_a_training_whose_layer_is_cut_off_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path, "train", random_texts(12, seed=1), seed=1)
    write_corpus(tmp_path, "dev", random_texts(3, seed=2), seed=2)
    settings = settings_for(tmp_path, tmp_path, ["model.num_layers=2"], max_epochs=2)
    train(settings, tmp_path / "well")
    assert "warning" not in capfd.readouterr().err
    run_layers = AcousticModel.run_layers

    def cut(self: AcousticModel, *arguments: torch.Tensor) -> list[torch.Tensor]:
        return [output.detach() for output in run_layers(self, *arguments)]

    monkeypatch.setattr(AcousticModel, "run_layers", cut)
    train(settings, tmp_path / "ill")
    said = " ".join(capfd.readouterr().err.split())
    for name in ("subsampling", "layers.0", "layers.1"):
        assert f"warning: {name} learns nothing" in said
