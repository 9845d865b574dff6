"""What a stream is given, in pieces of any length and type, against the conversion of the whole."""

import numpy as np
import pytest
import soxr

from asr.audio import to_waveform
from asr.errors import AudioError
from asr.streaming.samples import SampleStream
from tests.support.talkative import sound


def in_pieces(samples: np.ndarray | bytes, rate: int, sizes: list[int]) -> np.ndarray:
    """Pieces of these sizes, the last of them again and again."""
    stream, start, pieces = SampleStream(), 0, []
    while start < len(samples):
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        pieces.append(stream.convert(samples[start : start + size], rate))
        start += size
    return np.concatenate([*pieces, stream.finish()])


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("sizes", [[441], [7], [65_536], [1] * 20 + [1000], [2**k for k in range(18)]], ids=str)
def test_a_resampled_stream_is_the_whole_however_it_is_cut(rate: int, sizes: list[int]) -> None:
    samples = soxr.resample(sound(16_000), 16_000, rate)
    whole = to_waveform(samples[:, None], rate)
    found = in_pieces(samples, rate, list(sizes))
    assert len(found) == len(whole)
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([-(2**15), 2**14], np.int16), [-1.0, 0.5]),
        (np.array([2**30], np.int32), [0.5]),
        (np.array([128, 192], np.uint8), [0.0, 0.5]),
        (np.array([0.01, -0.02]), [0.01, -0.02]),  # quiet, and not scaled up
        (np.array([0.5, 1.008, 0.504], np.float32), [0.5, 1.0, 0.5]),  # above 1, the peak so far is full scale
    ],
)
def test_full_scale_is_that_of_the_type(samples: np.ndarray, expected: list[float]) -> None:
    np.testing.assert_allclose(SampleStream().convert(samples, 16_000), expected, atol=1e-6)


def test_a_type_without_a_full_scale_is_refused() -> None:
    with pytest.raises(AudioError, match="int64, whose full scale is unknown"):
        SampleStream().convert(np.array([504, 100]), 16_000)


@pytest.mark.parametrize("size", [1, 3, 7, 1001])
def test_half_a_sample_waits_for_its_other_half(size: int) -> None:
    integers = (2**15 * sound(4000)).astype("<i2")
    found = in_pieces(integers.tobytes(), 16_000, [size])
    np.testing.assert_array_equal(found, integers.astype(np.float32) / 2**15)


def test_half_a_sample_at_the_very_end_is_dropped() -> None:
    stream = SampleStream()
    assert len(stream.convert(b"\x00\x10\x00", 16_000)) == 1
    assert len(stream.finish()) == 0


def test_channels_are_averaged() -> None:
    left, right = sound(2000, 1), sound(2000, 2)
    found = in_pieces(np.stack([left, right], axis=1), 16_000, [300])
    np.testing.assert_allclose(found, (left + right) / 2, atol=1e-7)
