"""Reading block by block gives the samples of the whole, to the bit, however it is cut; and the rule for pipes."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.audio import SAMPLE_RATE, load_audio, read_blocks
from asr.conversion import Peaks, PeakScaling, StreamConverter, converted
from asr.decoders import stream
from asr.errors import AudioError, AudioWarning
from tests.support.sounds import KINDS, chord, encoded

SECONDS = (1 / SAMPLE_RATE, 0.0101, 0.5, 60.0)


@pytest.fixture(autouse=True)
def small_decoded_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a second and a half comes from the decoder in many pieces, as one of hours does."""
    monkeypatch.setattr(stream, "_BLOCK_VALUES", 1009)


def assert_blocks_are_the_whole(path: Path, seconds: float, **part: Any) -> None:
    blocks = list(read_blocks(path, seconds, **part))
    size = round(seconds * SAMPLE_RATE)
    assert all(len(block) == size for block in blocks[:-1])
    assert 0 < len(blocks[-1]) <= size
    np.testing.assert_array_equal(np.concatenate(blocks), load_audio(path, **part))


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_of_every_format(tmp_path: Path, kind: str) -> None:
    format, subtype = KINDS[kind]
    rate = 48_000 if kind == "opus" else 22_050
    samples = np.stack([chord(rate), 0.5 * chord(rate)], axis=1)
    (tmp_path / "a").write_bytes(encoded(samples, rate, format, subtype))
    for seconds in (0.0101, 60.0):
        assert_blocks_are_the_whole(tmp_path / "a", seconds)
    assert_blocks_are_the_whole(tmp_path / "a", 0.1, offset=0.31, duration=0.77, channel=1)


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 16_000, 44_100, 96_000])
@pytest.mark.parametrize("level", [0.3, 1.0, 7.0])
def test_blocks_at_every_rate_and_level(tmp_path: Path, rate: int, level: float) -> None:
    """Square waves ring beyond full scale when they are resampled, and floats go beyond it by themselves."""
    square = level * np.sign(np.sin(np.arange(rate // 2) / rate * 2 * np.pi * 441))
    soundfile.write(tmp_path / "a.wav", square, rate, subtype="FLOAT")
    for seconds in SECONDS:
        assert_blocks_are_the_whole(tmp_path / "a.wav", seconds)


def test_opposed_channels_of_which_one_goes_beyond_full_scale(tmp_path: Path) -> None:
    """The mean stays within full scale: that the loudest channel is heard alone, and its peak, the end tells first."""
    voice = chord(44_100) / np.abs(chord(44_100)).max()
    soundfile.write(tmp_path / "a.wav", np.stack([1.5 * voice, -1.4 * voice], axis=1), 44_100, subtype="FLOAT")
    with pytest.warns(AudioWarning, match="opposite phase"):
        blocks = list(read_blocks(tmp_path / "a.wav", 0.1))
    np.testing.assert_array_equal(np.concatenate(blocks), load_audio(tmp_path / "a.wav"))
    assert float(np.abs(np.concatenate(blocks)).max()) == pytest.approx(1.0, abs=0.01)


def test_what_is_unusable_is_refused_before_the_first_block(tmp_path: Path) -> None:
    samples = chord(SAMPLE_RATE)
    samples[20_000] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "empty.wav", samples[:0], SAMPLE_RATE)
    (tmp_path / "cut.flac").write_bytes(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, "FLAC", "PCM_16")[:-400])
    for name in ("nan.wav", "empty.wav", "cut.flac", "no.wav"):
        messages = []
        for read in (lambda path: next(read_blocks(path, 0.1)), load_audio):
            with pytest.raises(AudioError) as error:
                read(tmp_path / name)
            messages.append(str(error.value))
        assert messages[0] == messages[1]
    assert "the first at 1.250 s" in _message(tmp_path / "nan.wav")


def _message(path: Path) -> str:
    with pytest.raises(AudioError) as error:
        next(read_blocks(path, 1.0))
    return str(error.value)


@settings(max_examples=40)
@given(
    rate=st.sampled_from([4000, 16_000, 44_100, 48_000]),
    level=st.sampled_from([0.5, 1.0, 3.0]),
    cuts=st.lists(st.integers(1, 3000), max_size=20),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 9),
)
def test_a_stream_with_known_peaks_is_the_whole(
    rate: int, level: float, cuts: list[int], dtype: type[np.floating], seed: int
) -> None:
    samples = (level * np.random.default_rng(seed).uniform(-1, 1, 5000)).astype(dtype)
    edges = [*itertools.takewhile(lambda edge: edge < 5000, itertools.accumulate(cuts)), 5000]
    blocks = np.split(samples, edges[:-1])
    whole = converted(samples, rate, SAMPLE_RATE)
    before = float(np.abs(samples).max())
    first = StreamConverter(rate, SAMPLE_RATE, Peaks(before))
    list(map(first.convert, blocks))
    first.finish()
    second = StreamConverter(rate, SAMPLE_RATE, Peaks(before, first.peak))
    np.testing.assert_array_equal(np.concatenate([*map(second.convert, blocks), second.finish()]), whole)
    pipe = StreamConverter(rate, SAMPLE_RATE)
    found = np.concatenate([*map(pipe.convert, blocks), pipe.finish()])
    assert len(found) == len(whole)
    assert float(np.abs(found).max(initial=0.0)) <= 1.0
    if before <= 1.0 and first.peak <= 1.0:  # the rule for pipes changes nothing within full scale
        np.testing.assert_array_equal(found, whole)


@given(st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=50), st.integers(1, 9))
def test_without_the_peak_each_sample_is_divided_by_the_largest_so_far(values: list[float], size: int) -> None:
    samples = np.array(values, dtype=np.float32)
    scaling = PeakScaling()
    found = np.concatenate([scaling.scale(samples[start : start + size]) for start in range(0, len(samples), size)])
    largest = np.float32(1.0)
    for value, scaled in zip(samples, found, strict=True):
        largest = max(largest, abs(value))
        assert scaled == value / largest
    known = PeakScaling(float(largest))
    blocks = [known.scale(samples[start : start + size]) for start in range(0, len(samples), size)]
    np.testing.assert_array_equal(np.concatenate(blocks), samples / largest)
