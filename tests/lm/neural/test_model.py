"""The neural language model: against a network written out in numpy, and by the algebra of probabilities."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from asr.batching import batches_by_length
from asr.errors import LanguageModelError, TokensError
from asr.lm.neural.model import BOUNDARY_ID, NeuralLM, NeuralLMSettings, word_perplexity
from asr.tokens import Tokens
from tests.support.letters import SENTENCES, Letters, letters_of

SMALL = NeuralLMSettings(num_layers=2, hidden_size=12, dropout=0.4)


@pytest.fixture
def lm() -> NeuralLM:
    """Not trained, but with weights large enough to have opinions."""
    torch.manual_seed(0)
    lm = NeuralLM(SMALL, letters_of(SENTENCES)).eval()
    with torch.no_grad():
        for parameter in lm.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape))
    return lm


# --- probabilities ----------------------------------------------------------------------------------------------------


def layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * weight + bias


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def log_prob_by_hand(lm: NeuralLM, row: list[int]) -> float:
    """The chain rule, one unit after the other, in numpy: sum of log P(unit | units before), then the end."""
    weights = {name: value.double().numpy() for name, value in lm.state_dict().items()}
    embedding, size, depth = weights["embedding.weight"], lm.settings.hidden_size, lm.settings.num_layers
    states = [(np.zeros(size), np.zeros(size)) for _ in range(depth)]
    total = 0.0
    for unit, following in itertools.pairwise([BOUNDARY_ID, *row, BOUNDARY_ID]):
        hidden = embedding[unit]
        for index, (output, cell) in enumerate(states):
            named = {name: weights[f"layers.{index}.{name}_l0"] for name in ("weight_ih", "weight_hh")}
            bias = weights[f"layers.{index}.bias_ih_l0"] + weights[f"layers.{index}.bias_hh_l0"]
            normed = layer_norm(hidden, weights[f"norms.{index}.weight"], weights[f"norms.{index}.bias"])
            gates = np.split(named["weight_ih"] @ normed + named["weight_hh"] @ output + bias, 4)
            cell = sigmoid(gates[1]) * cell + sigmoid(gates[0]) * np.tanh(gates[2])  # noqa: PLW2901
            hidden = sigmoid(gates[3]) * np.tanh(cell)
            states[index] = hidden, cell
        normed = layer_norm(hidden, weights[f"norms.{depth}.weight"], weights[f"norms.{depth}.bias"])
        logits = embedding @ normed + weights["bias"]
        total += logits[following] - math.log(np.exp(logits).sum())
    return total


def test_a_score_is_the_sum_of_the_conditional_log_probabilities(lm: NeuralLM) -> None:
    texts = [*SENTENCES, "", "S", "DOG DOG DOG THE"]
    expected = [log_prob_by_hand(lm, lm.encoder.encode(text)) for text in texts]
    assert len({round(score, 2) for score in expected}) == len(texts)
    np.testing.assert_allclose(lm.score(texts), expected, rtol=0, atol=1e-4)


def test_the_probabilities_of_what_may_follow_sum_to_one(lm: NeuralLM) -> None:
    units = torch.randint(0, len(lm.encoder), (3, 7), generator=torch.Generator().manual_seed(0))
    sums = lm(units).exp().sum(dim=-1)
    torch.testing.assert_close(sums, torch.ones(3, 7), rtol=0, atol=1e-5)


def test_all_texts_together_have_probability_one() -> None:
    """Those of up to two units, and those that go on after them."""
    torch.manual_seed(1)
    lm = NeuralLM(SMALL, Letters(b"AB")).eval()
    rows = [list(row) for length in range(3) for row in itertools.product((1, 2), repeat=length)]
    ended = lm.log_prob(rows).exp()
    end_after_two = lm(torch.tensor([[BOUNDARY_ID, *row] for row in rows if len(row) == 2]))[:, -1, BOUNDARY_ID].exp()
    going_on = ended[-4:] / end_after_two * (1 - end_after_two)
    assert (ended.sum() + going_on.sum()).item() == pytest.approx(1, abs=1e-5)
    assert 0.1 < ended.sum().item() < 0.95


def test_a_score_does_not_depend_on_the_batch(lm: NeuralLM) -> None:
    texts = ["A", "THE BIRD SINGS " * 20, "", *SENTENCES * 3, "NO " * 90]
    alone = [lm.score([text])[0] for text in texts]
    np.testing.assert_allclose(lm.score(texts), alone, rtol=0, atol=1e-4)
    np.testing.assert_allclose(lm.score(texts[::-1])[::-1], alone, rtol=0, atol=1e-4)


def test_many_texts_are_scored_in_several_batches(lm: NeuralLM) -> None:
    texts = [f"{'THE CAT ' * (number % 40)}SINGS" for number in range(120)]
    assert len(batches_by_length([len(text) for text in texts], 8192, end=1)) > 1
    np.testing.assert_allclose(lm.score(texts), [lm.score([text])[0] for text in texts], rtol=0, atol=1e-3)


def test_scores_are_without_dropout(lm: NeuralLM) -> None:
    assert lm.train().score(SENTENCES) == lm.score(SENTENCES)


def test_no_texts_no_scores(lm: NeuralLM) -> None:
    assert lm.score([]) == []


def test_a_text_out_of_the_alphabet_is_refused(lm: NeuralLM) -> None:
    with pytest.raises(TokensError):
        lm.score(["THE D\u00d6G"])
    lm.check_alphabet(frozenset("THE DOG"))
    with pytest.raises(LanguageModelError, match="does not know 2 characters of the acoustic model: 'xy'"):
        lm.check_alphabet(frozenset("THE xy"))


def test_perplexity_by_hand() -> None:
    assert word_perplexity([-2.0, -3.0], ["A B", ""]) == pytest.approx(math.exp(5 / 4))
    assert word_perplexity([-1e6], ["A"]) == math.inf


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_loaded_model_scores_as_the_saved_one(lm: NeuralLM, tmp_path: Path) -> None:
    path = tmp_path / "new" / "rnn_lm.safetensors"
    lm.save(path)
    loaded = NeuralLM.load(path, Letters)
    assert loaded.score(SENTENCES) == lm.score(SENTENCES)
    assert loaded.encoder.model == lm.encoder.model
    assert loaded.settings == SMALL
    assert not loaded.training
    loaded.save(tmp_path / "again.safetensors")
    with safetensors.safe_open(tmp_path / "again.safetensors", "np") as file:
        assert file.metadata()["format_version"] == "1"
        assert json.loads(file.metadata()["settings"])["hidden_size"] == 12
    again = NeuralLM.load(tmp_path / "again.safetensors", Letters)
    assert again.score(SENTENCES) == lm.score(SENTENCES)


def why_not_loaded(path: Path) -> str:
    with pytest.raises(LanguageModelError) as caught:
        NeuralLM.load(path, Letters)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def rewritten(path: Path, **changes: str) -> None:
    """The file with other metadata."""
    with safetensors.safe_open(path, "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    safetensors.torch.save_file(tensors, path, {**metadata, **changes})


def test_damaged_files(lm: NeuralLM, tmp_path: Path) -> None:
    path = tmp_path / "lm.safetensors"
    assert "no such file" in why_not_loaded(path)
    assert "no such file" in why_not_loaded(tmp_path)
    lm.save(path)
    good = path.read_bytes()
    for content in (b"", b"x", good[:7], good[:100], good[:-1], good + b"x", b"\xff" * 100, bytes(100)):
        path.write_bytes(content)
        assert "damaged, or not a neural language model" in why_not_loaded(path)
    start = 8 + int.from_bytes(good[:8], "little")
    for position in range(start, len(good), 499):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        assert "damaged: its checksum is wrong" in why_not_loaded(path)


def test_files_of_another_kind_or_version(lm: NeuralLM, tmp_path: Path) -> None:
    path = tmp_path / "lm.safetensors"
    safetensors.torch.save_file({"weight": torch.zeros(3)}, path)
    assert "not a neural language model" in why_not_loaded(path)
    lm.save(path)
    rewritten(path, format_version="2")
    assert "format_version is '2', this asr reads 1" in why_not_loaded(path)
    lm.save(path)
    rewritten(path, settings=lm.settings.model_copy(update={"dropout": 0.1}).model_dump_json())
    assert "checksum" in why_not_loaded(path)


def test_an_encoder_that_does_not_fit_the_weights(lm: NeuralLM, tmp_path: Path) -> None:
    path = tmp_path / "lm.safetensors"
    lm.encoder = Letters(b"AB")
    lm.save(path)
    assert "its parts do not fit together" in why_not_loaded(path)
    lm.encoder = letters_of(SENTENCES)
    lm.save(path)
    with pytest.raises(LanguageModelError, match="not a sentencepiece model"):
        NeuralLM.load(path, Tokens)
