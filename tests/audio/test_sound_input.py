"""Paths, sound files in memory, arrays and tensors: each gives the waveform that the file of it gives."""

import io
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from asr.audio import load_audio
from asr.errors import AudioError
from asr.sound_input import waveform_of

RATE = 16_000
RNG = np.random.default_rng(7)
MONO = (0.5 * np.sin(np.arange(4000) / 7) + 0.01 * RNG.normal(size=4000)).astype(np.float32)
STEREO = np.stack([MONO, 0.4 * MONO + 0.1 * np.roll(MONO, 50)], axis=1)


def of_file(samples: np.ndarray, rate: int = RATE, subtype: str = "FLOAT") -> np.ndarray:
    """What a wav file with these samples gives; libsndfile reads and scales them."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file.name, samples, rate, subtype=subtype)
        return load_audio(file.name)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def flac(tmp_path: Path) -> Path:
    path = tmp_path / "a.flac"
    soundfile.write(path, STEREO, 44_100)
    return path


def test_a_path_its_bytes_and_an_open_file_are_the_same_sound(flac: Path) -> None:
    expected, content = load_audio(flac), flac.read_bytes()
    assert len(expected) == round(4000 / 44_100 * RATE)
    with flac.open("rb") as file:
        sounds = [flac, str(flac), content, bytearray(content), memoryview(content), io.BytesIO(content), file]
        for sound in sounds:
            np.testing.assert_array_equal(waveform_of(sound), expected)
            assert np.array_equal(waveform_of(flac, sample_rate=8000), expected)  # a file tells its own rate


def test_an_open_file_is_read_from_where_it_stands(flac: Path) -> None:
    file = io.BytesIO(b"mail header" + flac.read_bytes())
    file.seek(11)
    assert np.array_equal(waveform_of(file), load_audio(flac))
    with pytest.raises(AudioError, match=r"the file object: nothing left to read from its position; .* seek\(0\)"):
        waveform_of(file)


def test_files_that_cannot_be_read(flac: Path, tmp_path: Path) -> None:
    with flac.open("rb") as file:
        pass
    with pytest.raises(AudioError, match=re.escape(f"{flac}: cannot be read: ")):
        waveform_of(file)
    with flac.open(encoding="utf-8") as text, pytest.raises(AudioError, match=r"is open as text, expected .* 'rb'"):
        waveform_of(text)
    with (tmp_path / "new").open("wb") as new, pytest.raises(AudioError, match="new: cannot be read: "):
        waveform_of(new)
    with pytest.raises(AudioError, match="the bytes: the file is empty"):
        waveform_of(b"")
    with pytest.raises(AudioError, match="the bytes: "):
        waveform_of(b"this is no sound")


# --- samples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [RATE, 8000, 44_100])
def test_an_array_is_read_as_soundfile_gives_it_and_a_tensor_as_torchaudio_does(rate: int) -> None:
    mono, stereo = of_file(MONO, rate), of_file(STEREO, rate)
    assert not np.array_equal(mono, stereo)
    tensor = torch.from_numpy
    for samples in (MONO, MONO[:, None], MONO[None], tensor(MONO), tensor(MONO)[None], tensor(MONO)[:, None]):
        assert np.array_equal(waveform_of(samples, sample_rate=rate), mono)
    for samples in (STEREO, tensor(STEREO.T.copy()), np.asfortranarray(STEREO)):
        assert np.array_equal(waveform_of(samples, sample_rate=rate), stereo)


@pytest.mark.parametrize(
    ("dtype", "subtype", "scale"),
    [("int16", "PCM_16", 2**15), (">i2", "PCM_16", 2**15), ("int32", "PCM_32", 2**31), ("uint8", "PCM_U8", 2**7)],
)
def test_integers_have_full_scale_at_the_range_of_their_type(dtype: str, subtype: str, scale: int) -> None:
    samples = np.floor(MONO.astype(np.float64) * scale).clip(-scale, scale - 1)
    stored = (samples + (2**7 if dtype == "uint8" else 0)).astype(dtype)
    expected = of_file(samples / scale, subtype=subtype)
    np.testing.assert_array_equal(waveform_of(stored), expected)
    if dtype != ">i2":
        assert np.array_equal(waveform_of(torch.from_numpy(stored)), expected)


def test_int8_has_full_scale_at_128() -> None:
    assert waveform_of(np.array([-128, 0, 64, 127], np.int8)).tolist() == [-1.0, 0.0, 0.5, 127 / 128]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_floats_of_any_width(dtype: str) -> None:
    atol = 1e-3 if dtype == "float16" else 1e-7
    np.testing.assert_allclose(waveform_of(MONO.astype(dtype)), MONO, rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_tensors_of_any_width(dtype: torch.dtype) -> None:
    tensor = torch.from_numpy(MONO).to(dtype)
    assert np.array_equal(waveform_of(tensor.requires_grad_()), tensor.detach().float())


def test_beyond_full_scale_the_peak_becomes_one_as_in_a_file() -> None:
    assert np.array_equal(waveform_of(30_000 * MONO), of_file(30_000 * MONO))
    assert float(np.abs(waveform_of(30_000 * MONO)).max()) == 1.0


def test_what_was_given_is_not_changed_and_not_kept() -> None:
    given = MONO.copy()
    given.flags.writeable = False  # torch would warn of such an array
    waveform = waveform_of(given)
    waveform[:] = 0
    assert given.tolist() == MONO.tolist()


@pytest.mark.parametrize("rate", [RATE, 8000])
def test_no_samples(rate: int) -> None:
    assert len(waveform_of(np.zeros(0), sample_rate=rate)) == 0


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (np.zeros((2, 400)), "found an array of shape (2, 400), float64, expected a path, "),
        (torch.zeros(400, 2), "found a tensor of shape (400, 2), torch.float32, expected a path, "),
        (np.zeros((3, 0)), "found an array of shape (3, 0), "),
        (np.zeros((1, 2, 400)), "found an array of shape (1, 2, 400), "),
        (np.float32(0.5), "found float32, expected a path"),
        (np.array(0.5), "found an array of shape (), "),
        (torch.zeros(400).to_sparse(), "found a tensor of shape (400,), torch.float32 that is not plain"),
        (np.zeros(400, np.int64), "found samples of type int64, whose full scale is unknown; expected floats, uint8"),
        (torch.zeros(400, dtype=torch.int64), "found samples of type int64, "),
        (np.zeros(400, complex), "found samples of type complex128, "),
        (np.zeros(400, bool), "found samples of type bool, "),
        (np.array(["a.wav"]), "found samples of type <U5, "),
        (None, "found NoneType, expected a path, "),
        ([0.1, 0.2], "found list, expected a path, "),
        ({"array": MONO}, "found dict, expected a path, "),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_no_sound(sound: Any, message: str) -> None:
    with pytest.raises(AudioError, match=re.escape(message)) as caught:
        waveform_of(sound)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_samples_that_are_not_finite(value: float) -> None:
    for samples in (MONO.astype(np.float64), STEREO.astype(np.float64)):
        broken = samples.copy()
        broken[[800, 900]] = value
        for sound in (broken, torch.from_numpy(broken.T.copy())):
            with pytest.raises(AudioError, match=r"NaN or infinite, the first is sample 800, at 0\.100 s"):
                waveform_of(sound, sample_rate=8000)


@pytest.mark.parametrize("rate", [0, -16_000, 3999, 10**6, 22_050.5, np.nan, np.inf, "16000", None, 16_000j])
def test_rates_that_are_none(rate: Any) -> None:
    with pytest.raises(AudioError, match=re.escape(f"sample_rate is {rate!r}, expected 4000 to 768000 whole Hz")):
        waveform_of(MONO, sample_rate=rate)


@pytest.mark.parametrize("rate", [8000.0, np.int64(8000)])
def test_rates_that_other_libraries_give(rate: Any) -> None:
    assert np.array_equal(waveform_of(MONO, sample_rate=rate), waveform_of(MONO, sample_rate=8000))
