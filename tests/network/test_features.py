"""Log-mel frames against librosa, their normalisation against numpy."""

import jaxtyping
import librosa
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from asr.errors import SettingsError
from asr.features import LogMel, frame_mask, normalise, speech_weights
from asr.model_settings import FeatureSettings, ModelSettings
from asr.speech_mean import SpeechMean

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
def test_log_mel_is_that_of_librosa(speechlike: np.ndarray, settings: FeatureSettings, n_fft: int) -> None:
    found = LogMel(settings, RATE).log_mel(torch.from_numpy(speechlike)[None])[0].numpy()
    np.testing.assert_allclose(found, by_librosa(speechlike, settings, n_fft=n_fft), atol=1e-4, rtol=0)


def mean_of_speech(frames: np.ndarray, first_band: int, num_loudest: int = 30) -> np.ndarray:
    """Frame by frame into one sum for each decibel, as a stream would; only then the weights, from those sums."""
    levels = 10 * np.log10(np.exp(frames[:, first_band:]).sum(axis=1))
    counts: dict[int, float] = {}
    sums: dict[int, np.ndarray] = {}
    for level, frame in zip(levels, frames, strict=True):
        below = int(np.floor(level))
        for decibel, share in ((below, below + 1 - level), (below + 1, level - below)):
            counts[decibel] = counts.get(decibel, 0.0) + share
            sums[decibel] = sums.get(decibel, 0.0) + share * frame
    reference = np.sort(levels)[-min(num_loudest, len(levels))]
    weights = {decibel: min(1.0, max(0.0, (25 - (reference - decibel)) / 10)) for decibel in counts}
    return sum(weights[d] * sums[d] for d in sums) / sum(weights[d] * counts[d] for d in sums)


def test_the_mean_is_taken_away_that_a_stream_would_find_too(log_mel: LogMel, speechlike: np.ndarray) -> None:
    pause = 1e-3 * np.random.default_rng(1).standard_normal(40_000).astype(np.float32)
    wave = np.concatenate([speechlike, pause, np.zeros(8000, np.float32)])
    found, num_frames = log_mel(torch.from_numpy(wave)[None], lengths(len(wave)))
    expected = by_librosa(wave, FeatureSettings(), n_fft=512)
    assert num_frames.tolist() == [len(expected)]
    mean = mean_of_speech(expected.astype(np.float64), log_mel.first_speech_band)
    np.testing.assert_allclose(found[0], ((expected - mean) / SCALE).clip(-3, 3), atol=2e-3, rtol=0)


@pytest.mark.parametrize("piece", [1, 7, 100, 1000])
def test_frames_that_come_in_pieces_have_the_mean_of_the_whole(
    log_mel: LogMel, speechlike: np.ndarray, piece: int
) -> None:
    pause = 1e-3 * np.random.default_rng(1).standard_normal(40_000).astype(np.float32)
    wave = torch.from_numpy(np.concatenate([pause, speechlike, np.zeros(8000, np.float32)]))
    frames = log_mel.log_mel(wave[None])[0].numpy()
    stream = SpeechMean(80, num_loudest=log_mel.num_loudest, first_speech_band=log_mel.first_speech_band)
    for start in range(0, len(frames), piece):
        stream.accept(frames[start : start + piece])
    np.testing.assert_allclose(stream.mean(), mean_of_speech(frames.astype(np.float64), log_mel.first_speech_band))
    normalised, _ = log_mel(wave[None], lengths(len(wave)))
    np.testing.assert_allclose(((frames - stream.mean()) / SCALE).clip(-3, 3), normalised[0], atol=1e-5, rtol=0)


def test_models_of_before_take_the_mean_over_all_frames(speechlike: np.ndarray) -> None:
    log_mel = LogMel(FeatureSettings(mean_over="utterance"), RATE)
    found, _ = log_mel(torch.from_numpy(speechlike)[None], lengths(len(speechlike)))
    expected = by_librosa(speechlike, FeatureSettings(), n_fft=512)
    np.testing.assert_allclose(found[0], (expected - expected.mean(axis=0)) / SCALE, atol=2e-3, rtol=0)


def test_normalisation_counts_only_the_frames_of_each_utterance() -> None:
    rng = np.random.default_rng(0)
    frames = rng.normal(3, 2, (3, 9, 5)).astype(np.float32)
    num_frames = [9, 4, 1]
    mask = frame_mask(lengths(*num_frames), 9)
    found = normalise(torch.from_numpy(frames), mask, mask.float()).numpy()
    for utterance, number, result in zip(frames, num_frames, found, strict=True):
        inside = utterance[:number]
        np.testing.assert_allclose(result[:number], (inside - inside.mean(axis=0)) / SCALE, atol=1e-5)
        assert (result[number:] == 0).all()


def test_weights_of_frames_by_hand() -> None:
    """The loudest two frames are at 60 and 58 dB, so 43 counts in full, 38 by half, 33 not at all."""
    levels = torch.tensor([[60.0, 58.0, 43.0, 38.0, 33.0, 70.0], [-53.0, 90.0, 90.0, 90.0, 90.0, 90.0]])
    found = speech_weights(levels, frame_mask(lengths(5, 1), 6), num_loudest=2)
    expected = torch.tensor([[1.0, 1.0, 1.0, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(found, expected)


def test_weights_have_no_steps() -> None:
    """Where a weight could jump, rounding would decide: batches, devices and exported models would differ."""
    levels = torch.arange(20, 60, 0.001)
    both = torch.stack([torch.full_like(levels, 60.0), levels], dim=1)
    weights = speech_weights(both, torch.ones_like(both, dtype=torch.bool), num_loudest=1)[:, 1]
    assert float(weights.diff().abs().max()) < 2e-4
    assert (weights.diff() >= -1e-6).all()


def spoken(speechlike: np.ndarray) -> torch.Tensor:
    """As quiet as a careful recording, with a pause in its midst in which only the room is heard."""
    room = 1e-4 * np.random.default_rng(2).standard_normal(8000).astype(np.float32)
    return torch.from_numpy(np.concatenate([0.3 * speechlike, room, 0.3 * speechlike]))


@pytest.mark.parametrize("seconds", [0.25, 1.0, 5.0, 60.0])
@pytest.mark.parametrize("kind", ["zeros", "room", "hum"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_what_is_said_looks_the_same_beside_any_pause(
    log_mel: LogMel, speechlike: np.ndarray, seconds: float, kind: str, place: str
) -> None:
    number = round(seconds * 100) * 160  # whole hops: the frames of the speech fall on the same samples
    time = np.arange(number) / RATE
    pause = {
        "zeros": np.zeros(number),
        "room": 1e-4 * np.random.default_rng(3).standard_normal(number),
        "hum": 0.05 * np.sin(2 * np.pi * 50 * time) + 0.02 * np.sin(2 * np.pi * 100 * time),
    }[kind]
    added, speech = torch.from_numpy(pause.astype(np.float32)), spoken(speechlike)
    both = torch.cat([added, speech] if place == "before" else [speech, added])
    alone, num_frames = log_mel(speech[None], lengths(len(speech)))
    found, _ = log_mel(both[None], lengths(len(both)))
    start = number // 160 if place == "before" else 0
    inner = slice(4, int(num_frames) - 4)  # without the frames that reach into what was added
    torch.testing.assert_close(found[0, start:][: int(num_frames)][inner], alone[0, inner], atol=0.02, rtol=0)


def test_a_click_moves_nothing(log_mel: LogMel, speechlike: np.ndarray) -> None:
    speech = spoken(speechlike)
    click = torch.zeros(8000)
    click[4000:4160] = torch.sign(torch.randn(160, generator=torch.Generator().manual_seed(1)))
    both = torch.cat([click, speech])
    alone, _ = log_mel(speech[None], lengths(len(speech)))
    found, _ = log_mel(both[None], lengths(len(both)))
    assert float((found[0, 54:] - alone[0, 4:]).abs().max()) < 0.2
    assert float(found.abs().max()) <= 3


def test_the_level_makes_no_difference(log_mel: LogMel, speechlike: np.ndarray) -> None:
    """A quarter is 2.77 in the logarithm of the power; only the floor of digital silence could tell the two apart."""
    noise = 0.01 * torch.randn(len(speechlike), generator=torch.Generator().manual_seed(1))
    wave = torch.from_numpy(speechlike)[None] + noise
    loud, quiet = (log_mel(level * wave, lengths(len(speechlike)))[0] for level in (1, 0.25))
    torch.testing.assert_close(loud, quiet, atol=0.1, rtol=0)


def test_a_batch_gives_what_each_utterance_gives_alone(log_mel: LogMel, speechlike: np.ndarray) -> None:
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
def test_silence_is_finite_and_zero(log_mel: LogMel, number: int) -> None:
    frames, _ = log_mel(torch.zeros(1, number), lengths(number))
    assert torch.isfinite(frames).all()
    assert float(frames.abs().max()) < 1e-3


def test_float16_waveforms_are_computed_in_float32(log_mel: LogMel, speechlike: np.ndarray) -> None:
    wave = torch.from_numpy(speechlike)[None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        frames, _ = log_mel(wave, lengths(len(speechlike)))
    assert frames.dtype == torch.float32
    torch.testing.assert_close(frames, log_mel(wave, lengths(len(speechlike)))[0])


@pytest.mark.parametrize("key", ["window_ms", "hop_ms"])
def test_a_window_or_hop_of_no_sample_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        FeatureSettings.model_validate({key: 0.01})


def test_a_range_of_no_frequencies_is_refused() -> None:
    with pytest.raises(SettingsError, match="features: value error, min_frequency has to be below max_frequency"):
        ModelSettings.parse({"features": {"min_frequency": 4000, "max_frequency": 4000}}, source="conf.yaml")


def test_shapes_in_signatures_are_checked_while_tests_run(log_mel: LogMel) -> None:
    """By the import hook in conftest.py."""
    with pytest.raises(jaxtyping.TypeCheckError):
        log_mel.log_mel(torch.zeros(16_000))
    with pytest.raises(jaxtyping.TypeCheckError):
        frame_mask(torch.tensor([0.5]), 3)
