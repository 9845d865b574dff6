"""Log-mel frames against librosa, their normalisation against numpy."""

import jaxtyping
import librosa
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from asr.errors import SettingsError
from asr.features import FeatureSettings, LogMel, frame_mask, normalise
from asr.model import ModelSettings

RATE = 16_000
FLOOR = 2.0**-24
SCALE = 3.0


@pytest.fixture(scope="module")
def log_mel() -> LogMel:
    return LogMel(FeatureSettings(), RATE)


def by_librosa(samples: np.ndarray, settings: FeatureSettings, *, n_fft: int) -> np.ndarray:
    """Frames (frames, mels), natural logarithm."""
    power = librosa.feature.melspectrogram(
        y=samples.astype(np.float64),
        sr=RATE,
        n_fft=n_fft,
        win_length=round(RATE * settings.window_ms / 1000),
        hop_length=round(RATE * settings.hop_ms / 1000),
        window="hann",
        center=True,
        pad_mode="constant",
        power=2.0,
        n_mels=settings.num_mels,
        fmin=settings.min_frequency,
        fmax=settings.max_frequency,
        htk=True,
        norm=None,
    )
    return np.log(power + FLOOR).T


def lengths(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers)


@pytest.mark.parametrize(
    ("settings", "n_fft"),
    [
        (FeatureSettings(), 512),
        (FeatureSettings(num_mels=40, window_ms=32.0, hop_ms=8.0), 512),
        (FeatureSettings(num_mels=23, window_ms=50.0, hop_ms=12.5, min_frequency=64.0, max_frequency=4000.0), 1024),
    ],
    ids=str,
)
def test_log_mel_is_that_of_librosa(speechlike, settings, n_fft):
    found = LogMel(settings, RATE).log_mel(torch.from_numpy(speechlike)[None])[0].numpy()
    np.testing.assert_allclose(found, by_librosa(speechlike, settings, n_fft=n_fft), atol=1e-4, rtol=0)


def test_normalised_frames_have_mean_0_by_numpy(log_mel, speechlike):
    found, num_frames = log_mel(torch.from_numpy(speechlike)[None], lengths(len(speechlike)))
    expected = by_librosa(speechlike, FeatureSettings(), n_fft=512)
    expected = (expected - expected.mean(axis=0)) / SCALE
    assert num_frames.tolist() == [len(expected)]
    np.testing.assert_allclose(found[0].numpy(), expected, atol=2e-3, rtol=0)
    np.testing.assert_allclose(found[0].mean(dim=0), 0, atol=1e-4)


def test_normalisation_counts_only_the_frames_of_each_utterance():
    rng = np.random.default_rng(0)
    frames = rng.normal(3, 2, (3, 9, 5)).astype(np.float32)
    num_frames = [9, 4, 1]
    found = normalise(torch.from_numpy(frames), frame_mask(lengths(*num_frames), 9)).numpy()
    for utterance, number, result in zip(frames, num_frames, found, strict=True):
        inside = utterance[:number]
        np.testing.assert_allclose(result[:number], (inside - inside.mean(axis=0)) / SCALE, atol=1e-5)
        assert (result[number:] == 0).all()


def test_the_level_makes_no_difference(log_mel, speechlike):
    """A quarter is 2.77 in the logarithm of the power; only the floor of digital silence could tell the two apart."""
    noise = 0.01 * torch.randn(len(speechlike), generator=torch.Generator().manual_seed(1))
    wave = torch.from_numpy(speechlike)[None] + noise
    loud, quiet = (log_mel(level * wave, lengths(len(speechlike)))[0] for level in (1, 0.25))
    torch.testing.assert_close(loud, quiet, atol=0.1, rtol=0)


def test_a_batch_gives_what_each_utterance_gives_alone(log_mel, speechlike):
    numbers = [32_000, 1, 159, 160, 161, 399, 400, 16_001]
    waveforms = [torch.from_numpy(speechlike)[:number] for number in numbers]
    batch = torch.nn.utils.rnn.pad_sequence(waveforms, batch_first=True)
    together, num_frames = log_mel(batch, lengths(*numbers))
    for waveform, rows, number in zip(waveforms, together, num_frames.tolist(), strict=True):
        alone, alone_frames = log_mel(waveform[None], lengths(len(waveform)))
        assert alone_frames.tolist() == [number] == [alone.shape[1]] == [len(waveform) // 160 + 1]
        torch.testing.assert_close(rows[:number], alone[0], atol=1e-4, rtol=0)
        assert (rows[number:] == 0).all()


@pytest.mark.parametrize("number", [1, 2, 100, 399, 400, 511, 16_000])
def test_silence_is_finite_and_zero(log_mel, number):
    frames, _ = log_mel(torch.zeros(1, number), lengths(number))
    assert torch.isfinite(frames).all()
    assert float(frames.abs().max()) < 1e-3


def test_float16_waveforms_are_computed_in_float32(log_mel, speechlike):
    wave = torch.from_numpy(speechlike)[None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        frames, _ = log_mel(wave, lengths(len(speechlike)))
    assert frames.dtype == torch.float32
    torch.testing.assert_close(frames, log_mel(wave, lengths(len(speechlike)))[0])


@pytest.mark.parametrize("key", ["window_ms", "hop_ms"])
def test_a_window_or_hop_of_no_sample_is_refused(key):
    with pytest.raises(ValidationError):
        FeatureSettings(**{key: 0.01})


def test_a_range_of_no_frequencies_is_refused():
    with pytest.raises(SettingsError, match="features: value error, min_frequency has to be below max_frequency"):
        ModelSettings.parse({"features": {"min_frequency": 4000, "max_frequency": 4000}}, source="conf.yaml")


def test_shapes_in_signatures_are_checked_while_tests_run(log_mel):
    """By the import hook in conftest.py."""
    with pytest.raises(jaxtyping.TypeCheckError):
        log_mel.log_mel(torch.zeros(16_000))
    with pytest.raises(jaxtyping.TypeCheckError):
        frame_mask(torch.tensor([0.5]), 3)
