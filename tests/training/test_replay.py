"""Steps that went wrong: kept, run again to the same numbers, and explained by the first thing that is wrong."""

import math
from pathlib import Path

import pytest
import torch

from asr.corpus.collate import Batch
from asr.errors import TrainingError
from asr.model import AcousticModel
from asr.training.diagnosis.layer_norms import layer_norms
from asr.training.diagnosis.nonfinite import examine
from asr.training.diagnosis.replay import load_incident
from asr.training.loss import LossSettings
from asr.training.run.checkpoint import Checkpoints
from asr.training.run.metrics import read_metrics
from asr.training.settings import ExperimentSettings
from asr.training.step import Stepper, StepReport
from asr.training.train import train
from tests.support.command_line import Refusal, RunAsr
from tests.support.small_training import settings_for, state_of
from tests.support.tones import random_texts, write_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_corpus(tmp_path, "train", random_texts(12, seed=1), seed=1)
    write_corpus(tmp_path, "dev", random_texts(3, seed=2), seed=2)
    return tmp_path


def broken_at(monkeypatch: pytest.MonkeyPatch, *steps: int) -> None:
    """In these steps one sample of the second utterance is not a number."""
    gradients = Stepper.gradients

    def patched(self: Stepper, batch: Batch, step: int, **options: bool) -> StepReport:
        if step in steps:
            batch.waveforms[1, 50] = math.nan
        return gradients(self, batch, step, **options)

    monkeypatch.setattr(Stepper, "gradients", patched)


def test_a_broken_step_is_kept_left_out_and_run_again_to_the_same_losses(
    asr: RunAsr, corpus: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    broken_at(monkeypatch, 2)
    settings = settings_for(corpus, corpus)
    train(settings, corpus / "run")
    said = " ".join(capfd.readouterr().err.split())
    (path,) = (corpus / "run" / "incidents").iterdir()
    incident = load_incident(path)
    assert (path.name, incident.step) == ("step-00000003.pt", 2)
    broken = incident.batch.ids[1]
    assert f"step 3: loss or gradient is not finite, likely because the sound of {broken} holds samples" in said
    assert f"asr train --replay {path}" in said
    assert sum(record.num_skipped for record in read_metrics(corpus / "run" / "metrics.jsonl")) == 1
    assert all(bool(torch.isfinite(value).all()) for value in state_of(corpus / "run").values())
    recorded = torch.load(path, weights_only=True)["examination"]
    again = asr("train", "--replay", path)
    assert again.code == 0, again.err
    for utterance in recorded["utterances"]:
        assert f"{utterance['loss']:10.4g}" in again.out
    assert f"likely reason: the sound of {broken} holds samples that are not finite" in again.out
    model = AcousticModel(settings.model, vocab_size=len(incident.weights["head.bias"]), sample_rate=16_000).train()
    model.load_state_dict(incident.weights)
    fresh = examine(model, incident.batch, loss_settings(settings), seed=1, step=incident.step, rank=incident.rank)
    pairs = zip(fresh.utterances, recorded["utterances"], strict=True)
    assert all(repr(one.loss) == repr(other["loss"]) for one, other in pairs)  # to the last bit, and NaN as NaN


def test_an_incident_of_before_rows_and_dummies_had_their_names_is_read(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_at(monkeypatch, 1)
    train(settings_for(corpus, corpus, max_epochs=1), corpus / "run")
    (path,) = (corpus / "run" / "incidents").iterdir()
    today, state = load_incident(path), torch.load(path, weights_only=True)
    for name, earlier in (("rows", "places"), ("num_rows", "num_places"), ("is_dummy", "is_stand_in")):
        state["batch"][earlier] = state["batch"].pop(name)
    torch.save(state, path)
    found = load_incident(path).batch
    assert (found.rows, found.num_rows, found.is_dummy) == (today.batch.rows, today.batch.num_rows, False)
    assert found.num_rows > 1


def test_the_weights_of_an_incident_are_those_before_its_step(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_for(corpus, corpus, checkpoint_steps=1, keep_last=100)
    train(settings, corpus / "good")
    broken_at(monkeypatch, 4)
    train(settings, corpus / "bad")
    incident = load_incident(corpus / "bad" / "incidents" / "step-00000005.pt")
    before = torch.load(corpus / "good" / "checkpoints" / "step-00000004.pt", weights_only=True)["model"]
    assert all(torch.equal(before[name], value) for name, value in incident.weights.items())


def test_too_many_broken_steps_end_the_training_with_its_state_saved(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_at(monkeypatch, 1, 3, 4)
    settings = settings_for(corpus, corpus, max_skipped=2)
    with pytest.raises(TrainingError, match=r"step 5: .* More than training\.max_skipped \(2\) such steps"):
        train(settings, corpus / "run")
    assert len(list((corpus / "run" / "incidents").iterdir())) == 3
    assert Checkpoints(corpus / "run").paths()


def make_batch() -> Batch:
    waveforms = 0.1 * torch.randn(2, 16_000, generator=torch.Generator().manual_seed(1))
    return Batch(waveforms, torch.tensor([16_000, 9000]), torch.tensor([2, 3, 4]), torch.tensor([2, 1]), ("a", "b"))


def loss_settings(settings: ExperimentSettings) -> LossSettings:
    return LossSettings.on(torch.device("cpu"), settings.training, settings.augment)


def make_model(settings: ExperimentSettings) -> AcousticModel:
    torch.manual_seed(1)
    return AcousticModel(settings.model, vocab_size=6, sample_rate=16_000).train()


def test_the_first_cause_is_named(corpus: Path) -> None:
    settings = settings_for(corpus, corpus, ["model.num_layers=2"])
    model, loss = make_model(settings), loss_settings(settings)
    assert examine(model, make_batch(), loss, seed=1, step=0, rank=0).reason.startswith("nothing is wrong")
    tokens = torch.full((100,), 2)
    short = Batch(make_batch().waveforms, torch.tensor([16_000, 9000]), tokens, torch.tensor([2, 98]), ("a", "b"))
    reason = examine(model, short, loss, seed=1, step=0, rank=0).reason
    assert reason.startswith("the text does not fit into the sound: b (29 frames for 195)"), reason
    with torch.no_grad():
        model.get_parameter("layers.1.body.forward_cell.weight_hh_l0")[0, 0] = math.nan
    assert examine(model, make_batch(), loss, seed=1, step=0, rank=0).reason.startswith(
        "the weights of layers.1 are not"
    )
    model = make_model(settings)
    model.layers[0].register_forward_hook(lambda module, inputs, output: output * math.inf)
    assert examine(model, make_batch(), loss, seed=1, step=0, rank=0).reason.startswith("the output of layers.0")
    model = make_model(settings)
    model.subsampling.projection.weight.register_hook(lambda gradient: gradient * math.inf)
    reason = examine(model, make_batch(), loss, seed=1, step=0, rank=0).reason
    assert reason.startswith("the gradient overflows on its way back, first in subsampling"), reason


def test_an_examination_leaves_the_gradients_as_they_were(corpus: Path) -> None:
    settings = settings_for(corpus, corpus)
    model, loss = make_model(settings), loss_settings(settings)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 3.0)
    examination = examine(model, make_batch(), loss, seed=1, step=0, rank=0)
    assert all(bool((parameter.grad == 3.0).all()) for parameter in model.parameters())
    assert examination.norms["head"].gradients != layer_norms(model)["head"].gradients


def test_files_that_are_no_incident_are_one_line(refusal: Refusal, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "half.pt").write_bytes(b"PK half")
    assert "half.pt: damaged, or not an incident" in refusal("train", "--replay", tmp_path / "half.pt")
    assert "no such file" in refusal("train", "--replay", tmp_path / "none.pt")
    torch.save({"format_version": 99}, tmp_path / "new.pt")
    assert "new.pt: damaged, or not an incident" in refusal("train", "--replay", tmp_path / "new.pt")
