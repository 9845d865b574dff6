"""Sound files in many formats against a reference made by arithmetic."""

import os
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.audio import load_audio, to_waveform
from asr.errors import AudioError
from tests.support.sounds import KINDS, LIST, LOSSY, SAMPLE_RATE, SECONDS, TONES, chord, chunk, encoded, wav_bytes


def assert_is_chord(waveform: np.ndarray, *, error: float, level: float = 1.0) -> None:
    """Length, level, tones and, sample by sample, the difference as a share of the signal's energy."""
    assert waveform.dtype == np.float32
    reference = level * chord(SAMPLE_RATE)
    assert abs(len(waveform) - len(reference)) <= 2
    found = waveform[: len(reference)].astype(np.float64)
    reference = reference[: len(found)]
    assert np.sqrt(np.mean(found**2)) == pytest.approx(np.sqrt(np.mean(reference**2)), rel=error)
    spectrum = np.abs(np.fft.rfft(found * np.hanning(len(found))))
    frequencies = np.fft.rfftfreq(len(found), 1 / SAMPLE_RATE)
    for tone in TONES:
        near = np.abs(frequencies - tone) < 100
        assert frequencies[near][spectrum[near].argmax()] == pytest.approx(tone, abs=1)
    assert np.sum((found - reference) ** 2) / np.sum(reference**2) < error**2


# --- right results ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_and_rate_gives_the_same_waveform(tmp_path: Path, kind: str, rate: int) -> None:
    path = tmp_path / "no-suffix-is-needed"
    path.write_bytes(encoded(chord(rate), rate, *KINDS[kind]))
    error = 0.15 if kind in LOSSY else 0.08 if kind in ("wav 8 bit", "wav mu-law") else 0.01
    assert_is_chord(load_audio(path), error=error)


@pytest.mark.parametrize("rate", [11_025, 22_050, 32_000, 44_100, 96_000])
def test_other_rates(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", chord(rate), rate)
    assert_is_chord(load_audio(tmp_path / "a.wav"), error=0.01)


def test_what_16_khz_cannot_hold_is_filtered_out(tmp_path: Path) -> None:
    time = np.arange(48_000) / 48_000
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 11_000 * time), 48_000)
    inside = load_audio(tmp_path / "a.wav")[1000:-1000]
    assert float(np.abs(inside).max()) < 1e-3  # without a filter there would be a tone at 5 kHz


@pytest.mark.parametrize("kind", ["wav", "flac", "opus", "mp3", "sphere"])
def test_channels_are_averaged(tmp_path: Path, kind: str) -> None:
    voice, other = chord(48_000), 0.3 * np.sin(2 * np.pi * 500 * np.arange(round(SECONDS * 48_000)) / 48_000)
    path = tmp_path / "a"
    path.write_bytes(encoded(np.stack([voice + other, voice - other], axis=1), 48_000, *KINDS[kind]))
    # A lossy coder is heard more where two loud channels cancel.
    assert_is_chord(load_audio(path), error=0.3 if kind in LOSSY else 0.01)


def test_five_channels(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", chord(16_000)[:, None] * [0.5, 1, 1.5, 0, 2], 16_000, subtype="FLOAT")
    assert_is_chord(load_audio(tmp_path / "a.wav"), error=1e-4)


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("gain", [10.0, 1e4, 1e37])
def test_float_beyond_full_scale_is_scaled_not_clipped(tmp_path: Path, rate: int, gain: float) -> None:
    soundfile.write(tmp_path / "a.wav", chord(rate) * gain, rate, subtype="FLOAT")
    waveform = load_audio(tmp_path / "a.wav")
    assert float(np.abs(waveform).max()) == pytest.approx(1.0, abs=0.03)
    assert_is_chord(waveform, error=0.01, level=1 / np.abs(chord(rate)).max())


def test_the_sum_of_huge_channels_stays_finite(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full((100, 2), 3e38), 48_000, subtype="FLOAT")
    assert float(np.abs(load_audio(tmp_path / "a.wav")).max()) == pytest.approx(1.0)


def test_full_scale_square_wave_stays_in_range_after_resampling(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.sign(np.sin(np.arange(48_000) / 30)) * 0.99997, 48_000)
    assert float(np.abs(load_audio(tmp_path / "a.wav")).max()) <= 1.0


def test_to_waveform_takes_one_sample() -> None:
    assert to_waveform(np.array([[0.25]], dtype=np.float32), 16_000).tolist() == [0.25]


@pytest.mark.parametrize("kind", ["wav", "flac", "opus", "vorbis", "mp3", "sphere"])
@pytest.mark.parametrize(("offset", "duration"), [(0.0, 0.5), (0.4, 0.5), (1.0, None), (1.25, 99.0), (0.3, 1e308)])
def test_a_segment_is_a_slice_of_the_whole(tmp_path: Path, kind: str, offset: float, duration: float | None) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS[kind]))
    whole = load_audio(path)
    segment = load_audio(path, offset=offset, duration=duration)
    start = round(offset * SAMPLE_RATE)
    end = len(whole) if duration is None else min(len(whole), start + round(min(duration, 99) * SAMPLE_RATE))
    assert len(segment) == end - start
    np.testing.assert_allclose(segment, whole[start:end], atol=1e-3, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_is_a_waveform_of_zeros(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(np.zeros(8000), 16_000, *KINDS[kind]))
    waveform = load_audio(path)
    assert abs(len(waveform) - 8000) <= 2
    assert float(np.abs(waveform).max()) < 1e-4


def test_a_name_in_no_encoding_is_a_name(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\xfe\n$.wav"
    with open(path, "wb") as file:  # noqa: PTH123 (the name is bytes)
        file.write(wav_bytes())
    assert_is_chord(load_audio(os.fsdecode(path)), error=0.01)


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    for name in ("a.mp3", "a.flac", "a.raw", "a.vox", "a.sd2", "a.txt", "a.m4a"):
        (tmp_path / name).write_bytes(wav_bytes())
        assert_is_chord(load_audio(tmp_path / name), error=0.01)


# --- odd but right wav files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("riff_length", [0, 36, 0xFFFFFFFF, None])
@pytest.mark.parametrize("data_length", [0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF, 0x7FFFF000, 0x80000000])
def test_a_streamed_wav_goes_on_to_its_end(tmp_path: Path, riff_length: int | None, data_length: int) -> None:
    content = bytearray(wav_bytes())
    content[40:44] = struct.pack("<I", data_length)
    if riff_length is not None:
        content[4:8] = struct.pack("<I", riff_length)
    (tmp_path / "a.wav").write_bytes(content)
    assert_is_chord(load_audio(tmp_path / "a.wav"), error=0.01)


def test_a_streamed_wav_that_begins_with_silence(tmp_path: Path) -> None:
    """Zeros look like chunks without a name and without a length."""
    content = bytearray(wav_bytes(np.concatenate([np.zeros(800), np.full(800, 0.5), np.zeros(800)])))
    content[40:44] = bytes(4)
    (tmp_path / "a.wav").write_bytes(content)
    waveform = load_audio(tmp_path / "a.wav")
    assert len(waveform) == 2400
    assert waveform[800:1600].tolist() == [0.5] * 800


@pytest.mark.parametrize("extra", [LIST, chunk(b"junk", b"12345"), chunk(b"bext", b"x" * 603), chunk(b"id3 ", b"123")])
def test_chunks_of_other_things(tmp_path: Path, extra: bytes) -> None:
    content = wav_bytes()
    for number, mixed in enumerate((content + extra, content[:36] + extra + content[36:], content + extra + extra)):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(mixed)
        assert_is_chord(load_audio(path), error=0.01)


@pytest.mark.parametrize("padding", [b"", b"\0"])
def test_sound_of_an_odd_number_of_bytes(tmp_path: Path, padding: bytes) -> None:
    odd = encoded(chord(SAMPLE_RATE)[:23_999], SAMPLE_RATE, "WAV", "PCM_U8")[: 44 + 23_999]
    (tmp_path / "a.wav").write_bytes(odd + padding)
    assert len(load_audio(tmp_path / "a.wav")) == 23_999
    (tmp_path / "a.wav").write_bytes(odd + b"\0" + LIST)
    assert len(load_audio(tmp_path / "a.wav")) == 23_999


@pytest.mark.parametrize("tag", [b"TAG" + b"x" * 125, b"APETAGEX" + b"x" * 500, bytes(300)])
def test_tags_around_an_mp3(tmp_path: Path, tag: bytes) -> None:
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["mp3"])
    (tmp_path / "a.mp3").write_bytes(b"ID3\x03\0\0\0\0\x02\0" + b"\0" * 256 + content + tag)
    assert_is_chord(load_audio(tmp_path / "a.mp3"), error=0.15)


# --- speed, real files ------------------------------------------------------------------------------------------------


def test_real_sphere_and_opus(real_data: Path, tmp_path: Path) -> None:
    for archive, suffix in (("an4_sphere.tar.gz", ".sph"), ("train-clean-5-opus.tar", ".opus")):
        with tarfile.open(real_data / archive) as tar:
            member = next(member for member in tar if member.name.endswith(suffix))
            content = tar.extractfile(member).read()
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        reference, rate = soundfile.read(path, dtype="float32")
        assert rate == SAMPLE_RATE
        np.testing.assert_array_equal(load_audio(path), reference)
        path.write_bytes(content[:-200])
        with pytest.raises(AudioError, match="truncated"):
            load_audio(path)
