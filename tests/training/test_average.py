"""Averaging of models."""

import shutil
from pathlib import Path

import torch

from asr.model import AcousticModel
from asr.model_folder import ModelParts
from asr.model_settings import ModelSettings
from asr.recognizer import Recognizer
from asr.tokens import Tokens, TokenSettings
from asr.torch_engine import TorchEngine
from tests.support.command_line import Refusal, RunAsr

TEXT = "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG"


def write_model(folder: Path, *, seed: int, hidden_size: int = 8, text: str = TEXT) -> Path:
    tokens, _ = Tokens.train([text], TokenSettings())
    torch.manual_seed(seed)
    settings = ModelSettings(conv_channels=2, num_layers=1, hidden_size=hidden_size)
    engine = TorchEngine(AcousticModel(settings, vocab_size=len(tokens), sample_rate=16_000))
    Recognizer(ModelParts(engine, tokens)).save(folder)
    return folder


def test_weights_are_the_mean_of_the_models(asr: RunAsr, tmp_path: Path) -> None:
    folders = [write_model(tmp_path / str(seed), seed=seed) for seed in (1, 2, 3)]
    result = asr("average", *folders, "--output", tmp_path / "mean")
    assert (result.code, result.out.strip()) == (0, str(tmp_path / "mean"))
    states = [Recognizer.load(folder).model.state_dict() for folder in folders]
    for name, value in Recognizer.load(tmp_path / "mean").model.state_dict().items():
        torch.testing.assert_close(value, sum(state[name] for state in states) / 3)
    assert not torch.equal(states[0]["head.weight"], states[1]["head.weight"])
    assert str(folders[2]) in (tmp_path / "mean" / "README.md").read_text()


def test_models_that_do_not_belong_together_are_refused(refusal: Refusal, tmp_path: Path) -> None:
    one = write_model(tmp_path / "one", seed=1)
    wide = write_model(tmp_path / "wide", seed=1, hidden_size=9)
    other = write_model(tmp_path / "other", seed=1, text="OTHER WORDS")
    assert "wide: has other settings than" in refusal("average", one, wide, "--output", tmp_path / "mean")
    assert "other: has other tokens than" in refusal("average", one, other, "--output", tmp_path / "mean")
    shutil.rmtree(other)
    assert "no such model folder" in refusal("average", one, other, "--output", tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_a_run_that_has_kept_no_models_is_told_how_to_keep_them(refusal: Refusal, tmp_path: Path) -> None:
    pattern = tmp_path / "run" / "best" / "*"  # the shell leaves it as it is where nothing fits
    message = refusal("average", pattern, "--output", tmp_path / "mean")
    assert message.startswith(f"{pattern}: no models to average; ")
    assert message.endswith("--set training.keep_best=5")
