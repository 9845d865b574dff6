"""The normalisation in NumPy, and a sound whose frames come in pieces, against the network on the whole waveform."""

import numpy as np
import pytest
import torch

from asr.engine import Engine
from asr.model import AcousticModel
from asr.model_settings import FeatureSettings, ModelSettings
from asr.normalisation import normalised, running_mean
from asr.torch_engine import TorchEngine

RATE = 16_000
FEATURES = [FeatureSettings(), FeatureSettings(mean_over="utterance"), FeatureSettings(num_mels=40, hop_ms=12.5)]


def engine_with(features: FeatureSettings) -> Engine:
    torch.manual_seed(0)
    settings = ModelSettings(features=features, conv_channels=4, hidden_size=12, num_layers=2)
    return TorchEngine(AcousticModel(settings, vocab_size=7, sample_rate=RATE))


def frames_in_pieces(engine: Engine, waveform: np.ndarray, piece: int) -> np.ndarray:
    """The input of the network for a waveform, its mean taken from `piece` frames at a time."""
    frames, features = engine.log_mel(waveform), engine.settings.features
    mean = running_mean(features, RATE)
    for start in range(0, len(frames), piece):
        mean.accept(frames[start : start + piece])
    return normalised(frames, mean.mean(), features)


@pytest.mark.parametrize("features", FEATURES, ids=str)
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_log_mel_then_normalisation_then_encode_is_log_probs(
    speechlike: np.ndarray, features: FeatureSettings, piece: int
) -> None:
    engine = engine_with(features)
    pause = 1e-3 * np.random.default_rng(1).standard_normal(20_000).astype(np.float32)
    waveforms = [np.concatenate([speechlike, pause]), speechlike[:7003], speechlike[:1]]
    found = engine.encode([frames_in_pieces(engine, waveform, piece) for waveform in waveforms])
    for rows, expected, waveform in zip(found, engine.log_probs(waveforms), waveforms, strict=True):
        assert rows.dtype == np.float32
        assert len(rows) == engine.num_frames(len(waveform))
        np.testing.assert_allclose(rows, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("features", FEATURES, ids=str)
def test_frames_are_those_that_the_network_makes(speechlike: np.ndarray, features: FeatureSettings) -> None:
    engine = engine_with(features)
    assert isinstance(engine, TorchEngine)
    wave = torch.from_numpy(speechlike)[None]
    expected, _ = engine.model.features(wave, torch.tensor([len(speechlike)]))
    found = frames_in_pieces(engine, speechlike, 100)
    assert found.dtype == np.float32
    assert found.shape[1] == features.num_mels
    np.testing.assert_allclose(found, expected[0], atol=1e-5, rtol=0)


def test_nothing_gives_nothing() -> None:
    assert engine_with(FeatureSettings()).encode([]) == []
