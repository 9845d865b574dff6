"""The acoustic model: that batching changes nothing, that lengths are right, that rows are log-probabilities."""

from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from asr.model import AcousticModel
from asr.model_settings import STRIDES, ModelSettings

RATE = 16_000
VOCAB = 7
LENGTHS = [1, 2, 159, 160, 161, 400, 1279, 1280, 1281, 2560, 4000, 8000, 16_000, 20_001]


def small_model(seed: int = 0, **settings: Any) -> AcousticModel:
    torch.manual_seed(seed)
    small = {"conv_channels": 4, "hidden_size": 12, "num_layers": 2, **settings}
    return AcousticModel(ModelSettings(**small), vocab_size=VOCAB, sample_rate=RATE).eval()


def noise(num_samples: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(num_samples, generator=generator) - 0.5) * 0.2


def run(model: AcousticModel, waveforms: list[Tensor]) -> tuple[Tensor, Tensor]:
    return model(pad_sequence(waveforms, batch_first=True), torch.tensor([len(waveform) for waveform in waveforms]))


@pytest.mark.parametrize("subsampling", STRIDES)
@torch.inference_mode()
def test_alone_or_in_a_batch_of_32_of_all_lengths_is_the_same(subsampling: Literal[2, 3, 4, 8]) -> None:
    model = small_model(subsampling=subsampling)
    lengths = (LENGTHS * 3)[:32]
    waveforms = [noise(n, seed) for seed, n in enumerate(lengths)]
    log_probs, num_frames = run(model, waveforms)
    for row, n, waveform in zip(log_probs, num_frames.tolist(), waveforms, strict=True):
        alone, [n_alone] = run(model, [waveform])
        assert n == n_alone
        torch.testing.assert_close(row[:n], alone[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("subsampling", STRIDES)
@torch.inference_mode()
def test_the_number_of_frames_is_foretold_and_is_what_comes_out(subsampling: Literal[2, 3, 4, 8]) -> None:
    model = small_model(subsampling=subsampling)
    for num_samples in [*LENGTHS, *range(150 * subsampling, 180 * subsampling, 7)]:
        log_probs, num_frames = run(model, [noise(num_samples)])
        foretold = model.num_output_frames(torch.tensor([num_samples])).item()
        # One feature frame each 10 ms, the first at sample 0; then the first of every `subsampling`.
        by_hand = len(range(0, num_samples // 160 + 1, subsampling))
        assert log_probs.shape == (1, by_hand, VOCAB)
        assert foretold == num_frames.item() == by_hand
    assert model.seconds_per_frame == subsampling * 0.01


@torch.inference_mode()
def test_every_row_is_a_distribution_in_both_modes() -> None:
    model = small_model()
    for mode in (model.eval(), model.train()):
        log_probs, _ = run(mode, [noise(8000), noise(3000)])
        torch.testing.assert_close(log_probs.exp().sum(dim=-1), torch.ones(log_probs.shape[:2]), rtol=0, atol=1e-5)
        assert (log_probs <= 0).all()


def test_the_gradient_reaches_every_weight() -> None:
    model = small_model().train()
    log_probs, num_frames = run(model, [noise(8000), noise(5000, 1)])
    targets, sizes = torch.tensor([1, 2, 3, 4, 5]), torch.tensor([3, 2])
    torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, num_frames, sizes).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not without
    assert all(p.grad.isfinite().all() for p in model.parameters())


@torch.inference_mode()
def test_dropout_is_drawn_anew_in_training_and_off_in_evaluation() -> None:
    model, waveforms = small_model(dropout=0.5), [noise(8000)]
    assert torch.equal(run(model, waveforms)[0], run(model, waveforms)[0])
    model.train()
    assert not torch.allclose(run(model, waveforms)[0], run(model, waveforms)[0])


@torch.inference_mode()
def test_bfloat16_autocast_gives_float32_log_probabilities_close_to_the_exact_ones() -> None:
    model, waveforms = small_model(), [noise(8000), noise(3000)]
    exact, _ = run(model, waveforms)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        log_probs, num_frames = run(model, waveforms)
    assert log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(dim=-1), torch.ones(log_probs.shape[:2]), rtol=0, atol=1e-5)
    assert not torch.equal(log_probs, exact)  # it did run in bfloat16
    for rows, close, n in zip(log_probs, exact, num_frames.tolist(), strict=True):
        torch.testing.assert_close(rows[:n], close[:n], rtol=0, atol=0.05)


def test_one_seed_gives_one_model() -> None:
    one, same, other = small_model(seed=3), small_model(seed=3), small_model(seed=4)
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, same.state_dict()[name])
    assert not torch.equal(one.head.weight, other.head.weight)
