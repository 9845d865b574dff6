"""Training of the neural language model, and `asr lm train-rnn`."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from asr.errors import LanguageModelError
from asr.lm.neural.model import NeuralLM, NeuralLMSettings, word_perplexity
from asr.lm.neural.train import NeuralTrainingSettings, train_neural_lm
from asr.tokens import Tokens, TokenSettings
from tests.support.command_line import Refusal, RunAsr, written
from tests.support.letters import SENTENCES, Letters, letters_of


@pytest.fixture(scope="module")
def trained() -> NeuralLM:
    return train_neural_lm(SENTENCES, SENTENCES, letters_of(SENTENCES), tiny_training(max_epochs=40))


def tiny_training(**changes: object) -> NeuralTrainingSettings:
    network = NeuralLMSettings(hidden_size=32, dropout=0.1)
    values: dict[str, Any] = {
        "network": network,
        "batch_units": 128,
        "warmup_steps": 5,
        "learning_rate": 0.02,
        "max_epochs": 3,
    }
    return NeuralTrainingSettings(**{**values, **changes})


def test_what_was_learnt_is_likelier_than_its_letters_shuffled(trained: NeuralLM) -> None:
    rng = np.random.default_rng(0)
    shuffled = ["".join(rng.permutation(list(text))) for text in SENTENCES]
    assert all(ours > other + 10 for ours, other in zip(trained.score(SENTENCES), trained.score(shuffled), strict=True))
    # Six sentences by heart: each has a probability not far from one sixth.
    assert np.mean(trained.score(SENTENCES)) > math.log(1 / 6) - 1


def test_two_trainings_with_one_seed_are_equal() -> None:
    runs = []
    for seed in (3, 3, 4):
        reports: list[tuple[float, float]] = []
        lm = train_neural_lm(
            SENTENCES,
            SENTENCES[:2],
            letters_of(SENTENCES),
            tiny_training(seed=seed),
            on_epoch=lambda report, _: reports.append((report.train_loss, report.dev_perplexity)),  # noqa: B023
        )
        runs.append((lm.score(SENTENCES), reports))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_the_best_epoch_on_dev_is_kept_and_patience_ends_the_training() -> None:
    """Dev text that looks like nothing in training: learning more makes it worse."""
    dev, reports = ["SSSS GGGG"], []
    settings = tiny_training(max_epochs=40, patience=3)
    lm = train_neural_lm(
        SENTENCES, dev, letters_of(SENTENCES), settings, on_epoch=lambda report, _: reports.append(report)
    )
    perplexities = [report.dev_perplexity for report in reports]
    best = perplexities.index(min(perplexities))
    assert len(reports) == best + 1 + 3 < 40
    assert [report.is_best for report in reports[best:]] == [True, False, False, False]
    assert word_perplexity(lm.score(dev), dev) == perplexities[best]


def test_texts_without_words_are_left_out(trained: NeuralLM) -> None:
    with_blanks = train_neural_lm(["", *SENTENCES, ""], ["", *SENTENCES], trained.encoder, tiny_training())
    assert with_blanks.score(SENTENCES) == train_neural_lm(
        SENTENCES, SENTENCES, trained.encoder, tiny_training()
    ).score(SENTENCES)


@pytest.mark.parametrize(
    ("train", "dev", "message"),
    [
        ([], ["A"], "there is no training text"),
        (["A", ""], [""], "there is no dev text"),
        (["A", "A" * 20_001], ["A"], "training text 2: has 20001 tokens, at most 20000"),
    ],
)
def test_texts_that_cannot_be_learnt(train: list[str], dev: list[str], message: str) -> None:
    with pytest.raises(LanguageModelError, match=message):
        train_neural_lm(train, dev, Letters(b"AB"), tiny_training())


@pytest.mark.parametrize("batch_units", [16, 1000])
def test_a_training_that_diverges_says_so(monkeypatch: pytest.MonkeyPatch, batch_units: int) -> None:
    """After the last step of an epoch it shows on dev only."""

    @torch.no_grad()
    def step(optimizer: torch.optim.Optimizer) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.fill_(float("nan"))

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(LanguageModelError, match="the training has diverged; lower learning_rate"):
        train_neural_lm(
            SENTENCES, SENTENCES, letters_of(SENTENCES), tiny_training(batch_units=batch_units, max_epochs=1)
        )


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.model"
    path.write_bytes(Tokens.train(SENTENCES, TokenSettings())[0].model)
    return path


SETTINGS = ("--set", "network.hidden_size=8", "--set", "max_epochs=2", "--set", "learning_rate=1e-2")


def test_train_rnn_leaves_a_model(asr: RunAsr, tmp_path: Path, tokens_file: Path) -> None:
    text = written(tmp_path / "text.txt", *SENTENCES, "")
    output = tmp_path / "rnn_lm.safetensors"
    arguments = ("lm", "train-rnn", text, text, "--dev", text, "--tokens", tmp_path, "--output", output, *SETTINGS)
    result = asr(*arguments)
    assert (result.code, result.out) == (0, f"{output}\n"), result
    lines = result.err.splitlines()
    assert [line.split()[:3] for line in lines] == [["asr:", "epoch", "1"], ["asr:", "epoch", "2"]]
    lm = NeuralLM.load(output, Tokens)
    assert lm.settings == NeuralLMSettings(hidden_size=8)
    settings = NeuralTrainingSettings(network=lm.settings, max_epochs=2, learning_rate=1e-2)
    expected = train_neural_lm(SENTENCES * 2, SENTENCES, lm.encoder, settings)
    assert lm.score(SENTENCES) == expected.score(SENTENCES)


@pytest.mark.parametrize(
    ("lines", "settings", "message"),
    [
        (["THE DOG", "the dog"], [], "text.txt, line 2: the character 't'"),
        (["", " "], [], "text.txt: there are no words in it"),
        (["A"], ["network.cells=3"], "--set network.cells=3: network.cells: unknown key"),
        (["A"], ["max_epochs=0"], "--set max_epochs=0: max_epochs: input should be greater than or equal to 1"),
        (
            ["A"],
            ["network=3", "network.hidden_size=3"],
            "network.hidden_size=3: network is a value, not a section",
        ),
        (["A"], ["max_epochs"], "--set max_epochs: expected section.key=value"),
    ],
)
def test_train_rnn_refuses(
    refusal: Refusal, tmp_path: Path, tokens_file: Path, *, lines: list[str], settings: list[str], message: str
) -> None:
    text = written(tmp_path / "text.txt", *lines)
    options = [part for setting in settings for part in ("--set", setting)]
    output = tmp_path / "lm.safetensors"
    told = refusal("lm", "train-rnn", text, "--dev", text, "--tokens", tokens_file, "--output", output, *options)
    assert message in told
    assert not output.exists()


def test_ctrl_c_leaves_the_best_model(
    asr: RunAsr, tmp_path: Path, tokens_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = itertools.count()
    clip = nn.utils.clip_grad_norm_

    def interrupted(*arguments: Any) -> Tensor:
        if next(steps) == 1:
            raise KeyboardInterrupt
        return clip(*arguments)

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", interrupted)
    text, output = written(tmp_path / "text.txt", *SENTENCES), tmp_path / "lm.safetensors"
    result = asr("lm", "train-rnn", text, "--dev", text, "--tokens", tokens_file, "--output", output, *SETTINGS)
    assert result.code == 130
    assert result.err.endswith(f"asr: stopped; if an epoch was done, the best model so far is in {output}\n")
    assert len(NeuralLM.load(output, Tokens).score(SENTENCES)) == len(SENTENCES)
