"""ONNX Runtime's log-probabilities against torch's: on speech and on what is hard for a float32 transform, at random
lengths and batch sizes, alone and padded."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from asr.engine import Engine
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.torch_engine import TorchEngine
from tests.support.onnx_models import as_onnx, with_int8_weights
from tests.support.talkative import sound, talkative

RATE = 16_000
TIME = np.arange(3 * RATE) / RATE
SOUNDS: dict[str, Callable[[], np.ndarray]] = {
    "noise": lambda: 0.1 * np.random.default_rng(0).standard_normal(len(TIME)),
    "tone": lambda: 10 ** (-1 / 20) * np.sin(2 * np.pi * 440 * TIME),
    "offset": lambda: np.full(len(TIME), 0.5),
    "changing": lambda: sound(len(TIME)),
    "speech then zeros": lambda: np.concatenate([sound(len(TIME) // 2), np.zeros(len(TIME) // 2)]),
}
NETWORKS = {
    "lstm": {},
    "gru": {"recurrence": {"kind": "gru"}, "subsampling": 8},
    "mean over all": {"features": {"mean_over": "utterance"}, "subsampling": 3},
    "other frames": {"features": {"num_mels": 40, "hop_ms": 12.5, "window_ms": 50}, "subsampling": 2},
}


def network(name: str) -> TorchEngine:
    """A network whose log-probabilities reach from 0 to -20, as those of trained ones do."""
    torch.manual_seed(0)
    small = {"conv_channels": 4, "hidden_size": 24, "num_layers": 2}
    settings = ModelSettings.parse({**small, **NETWORKS[name]}, source="")
    model = AcousticModel(settings, vocab_size=19, sample_rate=RATE)
    model.head.weight.data *= 4
    return TorchEngine(model)


@pytest.fixture(scope="module", params=NETWORKS)
def both(request: pytest.FixtureRequest) -> tuple[TorchEngine, Engine]:
    engine = network(request.param)
    return engine, as_onnx(engine)


def parts_of(waveform: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """One to eight pieces of random length."""
    lengths = rng.integers(1, len(waveform) // 2, rng.integers(1, 7)).tolist()
    starts = [int(rng.integers(0, len(waveform) - length)) for length in lengths]
    return [waveform[start : start + length].astype(np.float32) for start, length in zip(starts, lengths, strict=True)]


@pytest.mark.parametrize("name", SOUNDS)
def test_log_probs_are_those_of_torch(both: tuple[TorchEngine, Engine], name: str) -> None:
    check_log_probs(both, SOUNDS[name]())


def test_log_probs_of_speech_are_those_of_torch(both: tuple[TorchEngine, Engine], speechlike: np.ndarray) -> None:
    check_log_probs(both, speechlike)


def check_log_probs(both: tuple[TorchEngine, Engine], waveform: np.ndarray) -> None:
    by_torch, by_onnx = both
    rng = np.random.default_rng(1)
    for _ in range(20):
        waveforms = parts_of(waveform, rng)
        for found, expected in zip(by_onnx.log_probs(waveforms), by_torch.log_probs(waveforms), strict=True):
            assert (found.shape, found.dtype) == (expected.shape, np.float32)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", SOUNDS)
def test_log_mel_is_that_of_torch_to_a_rounding(both: tuple[TorchEngine, Engine], name: str) -> None:
    by_torch, by_onnx = both
    waveform = SOUNDS[name]().astype(np.float32)[:50_003]
    np.testing.assert_allclose(by_onnx.log_mel(waveform), by_torch.log_mel(waveform), rtol=0, atol=4e-6)


def test_encode_and_num_frames(both: tuple[TorchEngine, Engine]) -> None:
    by_torch, by_onnx = both
    rng = np.random.default_rng(2)
    mels = by_torch.settings.features.num_mels
    frames = [rng.normal(size=(length, mels)).astype(np.float32) for length in (1, 2, 7, 300, 3000)]
    for found, expected in zip(by_onnx.encode(frames), by_torch.encode(frames), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert by_onnx.encode([]) == by_onnx.log_probs([]) == []
    for num_samples in (1, 159, 160, 161, 48_000):
        assert by_onnx.num_frames(num_samples) == by_torch.num_frames(num_samples)
        assert len(by_onnx.log_probs([np.ones(num_samples, np.float32)])[0]) == by_onnx.num_frames(num_samples)


@pytest.mark.parametrize("int8", [False, True])
def test_alone_and_in_a_batch_are_the_same(int8: bool) -> None:
    """Text included; the partners are up to 100 times as long."""
    recognizer = talkative()
    assert isinstance(recognizer.engine, TorchEngine)
    engine = as_onnx(recognizer.engine, int8=int8)
    waveforms = [sound(length, seed) for seed, length in enumerate((800, 80_000, 1600, 24_000, 33_333))]
    together = engine.log_probs(waveforms)
    assert len(recognizer.decode(together)[1].tokens) > 10
    for rows, waveform in zip(together, waveforms, strict=True):
        (alone,) = engine.log_probs([waveform])
        np.testing.assert_allclose(rows, alone, rtol=0, atol=1e-4)
        assert recognizer.decode([rows])[0].tokens == recognizer.decode([alone])[0].tokens


@pytest.mark.parametrize("name", NETWORKS)
def test_int8_weights_are_expanded_not_computed_with(name: str) -> None:
    """As torch with the same rounded weights: arithmetic in int8 would be two orders of magnitude off."""
    engine = network(name)
    exported, rounded = as_onnx(engine, int8=True), with_int8_weights(engine)
    waveforms = parts_of(SOUNDS["changing"](), np.random.default_rng(3))
    for found, expected, before in zip(
        *(each.log_probs(waveforms) for each in (exported, rounded, engine)), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
        assert np.abs(expected - before).max() > 1e-3
