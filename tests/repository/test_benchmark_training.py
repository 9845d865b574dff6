"""What the benchmark of training compares: that both do the same work, and that operations are counted right."""

from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from asr.model import AcousticModel
from asr.model_settings import STRIDES, ModelSettings
from asr.training.settings import DataSettings, ExperimentSettings
from benchmarks.training import compare, experiment, operations_per_second
from benchmarks.training_step import ClassicModel, build_model, make_batch, make_batches, make_step

CPU = torch.device("cpu")
SMALL = ModelSettings(conv_channels=3, num_layers=3, hidden_size=6, dropout=0.0)


def same_weights(ours: AcousticModel, classic: AcousticModel) -> None:
    """Give `classic` the weights of `ours`, and take from `ours` the norms between the layers, which it has not."""
    stack: dict[str, Tensor] = {}
    for number, layer in enumerate(ours.layers):
        layer.norm = nn.Identity()
        for lstm, suffix in ((layer.body.forward_cell, ""), (layer.body.backward_cell, "_reverse")):
            stack |= {f"{name[:-1]}{number}{suffix}": weights for name, weights in lstm.state_dict().items()}
    classic.layers.load_state_dict(stack)
    for part in ("subsampling", "norm", "head"):
        getattr(classic, part).load_state_dict(getattr(ours, part).state_dict())


def test_with_the_same_weights_the_classic_network_gives_the_same_log_probabilities() -> None:
    ours, classic = (build_model(kind, SMALL, CPU).eval() for kind in (AcousticModel, ClassicModel))
    same_weights(ours, classic)
    batch = make_batch([0.9, 0.3, 1.4])
    with torch.inference_mode():
        expected, num_frames = classic(batch.waveforms, batch.num_samples)
        found, _ = ours(batch.waveforms, batch.num_samples)
    for rows, close, n in zip(found, expected, num_frames.tolist(), strict=True):
        torch.testing.assert_close(rows[:n], close[:n], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [AcousticModel, ClassicModel])
def test_a_step_takes_every_weight_and_the_loss_falls(kind: type[AcousticModel]) -> None:
    settings = ExperimentSettings(data=DataSettings(train="none", dev="none"), model=SMALL)
    model, batch = build_model(kind, SMALL, CPU), make_batch([0.9, 0.3, 1.4])
    before = [p.detach().clone() for p in model.parameters()]
    step = make_step(model, settings)
    losses = [float(step(batch)) for _ in range(10)]
    assert not any(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("subsampling", STRIDES)
def test_operations_are_those_that_torch_counts(subsampling: Literal[2, 3, 4, 8]) -> None:
    """Of all but the LSTM, which torch does not count, and whose products are counted by hand."""
    settings = ModelSettings(conv_channels=5, num_layers=2, hidden_size=8, subsampling=subsampling)
    model, frames = build_model(AcousticModel, settings, CPU), 2400  # 24 s: nothing is left over by any stride
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.encode(torch.zeros(1, frames, 80), torch.tensor([frames]))
    found = {name: 24 * count for name, count in operations_per_second(settings).items()}
    counted = {function.__name__: count for function, count in counter.get_flop_counts()["Global"].items()}
    assert found["convolution"] == pytest.approx(counted["convolution"], rel=1e-9)
    assert found["linear"] == pytest.approx(counted["addmm"], rel=1e-9)
    steps, width, cells = frames // subsampling, 16, 8
    by_hand = 2 * 2 * steps * 2 * 4 * cells * (width + cells)  # layers, directions, frames, products of four gates
    assert found["recurrence"] == pytest.approx(by_hand, rel=1e-9)


def test_batches_are_as_long_as_asked_for_and_zero_where_they_are_padded() -> None:
    batches = make_batches(40.0, 5)
    assert all(batch.waveforms.numel() <= 40 * 16_000 for batch in batches)
    assert max(batch.num_samples.max() for batch in batches) <= 17 * 16_000
    for batch in batches:
        for waveform, n, tokens in zip(
            batch.waveforms, batch.num_samples.tolist(), batch.num_tokens.tolist(), strict=True
        ):
            assert waveform[:n].abs().max() > 0
            assert not waveform[n:].any()
            assert tokens == pytest.approx(15 * n / 16_000, abs=0.6)
    assert all(
        torch.equal(one.waveforms, same.waveforms) for one, same in zip(batches, make_batches(40.0, 5), strict=True)
    )


def test_a_comparison_gives_a_row_of_the_table() -> None:
    batches = [make_batch([0.9, 0.3]), make_batch([0.6])]
    result = compare("2x4", "auto", batches, 1, CPU)
    assert experiment("2x4", "auto").model.hidden_size == 4
    assert (result.utterances, result.audio_seconds) == (1.5, pytest.approx(1.8, abs=1e-3))
    assert result.padding == pytest.approx(0.6 / 2.4, abs=1e-3)
    assert min(result.classic, result.ours, result.operations) > 0
    assert result.row("2x4", peak=1e9).count("|") == 11
