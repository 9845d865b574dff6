"""Files that are huge, tiny or odd in other ways, or that change while they are read."""

import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.audio import audio_info, load_audio, read_blocks, told_duration
from asr.containers.open_file import MendedFile
from asr.decoders import libsndfile, stream
from asr.errors import AudioError, AudioWarning
from asr.sound_input import waveform_of
from tests.support.both_readers import usable
from tests.support.sounds import KINDS, LIST, SAMPLE_RATE, chord, encoded, mp3_frames

# --- huge -------------------------------------------------------------------------------------------------------------

HUGE_RATE, HUGE_CHANNELS = 48_000, 6
HUGE_SAMPLES = 8_854 * HUGE_RATE  # 2 h 27 min 34 s: 5.1 GB, of which 4.3 GB (2 h 4 min) is what 32 bits can say
HUGE_BYTES = HUGE_SAMPLES * HUGE_CHANNELS * 2


def sparse(path: Path, header: bytes, trailer: bytes = b"") -> Path:
    """Zeros, which take no place on the disk, but for a second of a tone at the end, on all channels."""
    time = np.arange(HUGE_RATE) / HUGE_RATE
    tone = np.repeat(np.round(8000 * np.sin(2 * np.pi * 440 * time)).astype("<i2")[:, None], HUGE_CHANNELS, axis=1)
    with path.open("wb") as file:
        file.write(header)
        file.seek(len(header) + HUGE_BYTES - tone.nbytes)
        file.write(tone.tobytes() + trailer)
    return path


def header_of(format: str) -> bytes:
    """A file without samples, up to where they begin."""
    content = encoded(np.zeros((0, HUGE_CHANNELS)), HUGE_RATE, format, "PCM_16")
    return content[: content.rindex(b"data") + (24 if format == "W64" else 8)]


def wav_header(told: int) -> bytes:
    return header_of("WAV")[:-4] + struct.pack("<I", told)


def rf64_header() -> bytes:
    header = header_of("RF64")
    place = header.index(b"ds64") + 8
    sizes = struct.pack("<QQQ", len(header) - 8 + HUGE_BYTES, HUGE_BYTES, HUGE_SAMPLES)
    return header[:place] + sizes + header[place + 24 :]


def w64_header() -> bytes:
    header = header_of("W64")
    whole, sound = struct.pack("<Q", len(header) + HUGE_BYTES), struct.pack("<Q", 24 + HUGE_BYTES)
    return header[:16] + whole + header[24:-8] + sound


HUGE = {
    "wrapped": (wav_header(HUGE_BYTES % 2**32), b""),
    "wrapped, with tags": (wav_header(HUGE_BYTES % 2**32), LIST),
    "length unknown": (wav_header(0xFFFFFFFF), b""),
    "length 0": (wav_header(0), b""),
    "RF64": (rf64_header(), b""),
    "W64": (w64_header(), b""),
}


@pytest.mark.parametrize("name", HUGE)
def test_more_than_32_bits_can_count(tmp_path: Path, name: str) -> None:
    path = sparse(tmp_path / "a", *HUGE[name])
    assert audio_info(path).num_samples == HUGE_SAMPLES
    assert told_duration(path) == 8854
    assert audio_info(path).num_channels == HUGE_CHANNELS
    (last,) = read_blocks(path, 60.0, offset=8852.5)
    np.testing.assert_array_equal(last, load_audio(path, offset=8852.5))
    assert len(last) == 1.5 * SAMPLE_RATE
    expected = 8000 / 2**15 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    np.testing.assert_allclose(last[8100:23_900], expected[100:15_900], atol=1e-3)
    assert not load_audio(path, duration=1.0).any()


def test_a_wav_that_only_looks_too_large_is_as_its_header_says(tmp_path: Path) -> None:
    """After the sound comes a chunk of 4 GiB of something else."""
    other = b"junk" + struct.pack("<I", 0xFFFF_FFF0)
    path = tmp_path / "a.wav"
    sound = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, "WAV", "PCM_16")
    with path.open("wb") as file:
        file.write(sound + other)
        file.truncate(len(sound) + 8 + 0xFFFF_FFF0)
    assert audio_info(path).num_samples == len(chord(SAMPLE_RATE))


@pytest.mark.parametrize("start", [0, 3, 10, 40])
@pytest.mark.parametrize("head", [b"", b"head", b"a longer head"])
def test_a_file_with_another_beginning_reads_like_the_joined_bytes(tmp_path: Path, head: bytes, start: int) -> None:
    (tmp_path / "a").write_bytes(bytes(range(40)))
    joined = head + bytes(range(40))[start:]
    with open(tmp_path / "a", "rb", buffering=0) as file:  # noqa: PTH123 (a FileIO)
        mended = MendedFile(head, file, start)
        assert mended.read() == joined
        for position in range(len(joined) + 1):
            for size in (1, 5, 60):
                assert mended.seek(position) == mended.tell() == position
                assert mended.read(size) == joined[position : position + size]
        assert mended.seek(-1, os.SEEK_END) == len(joined) - 1 if joined else True


# --- tiny and odd -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000])
def test_a_single_sample(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", [0.5], rate)
    assert usable(tmp_path / "a.wav")


@pytest.mark.parametrize("kind", ["wavex", "flac"])
def test_many_channels_at_a_high_rate(tmp_path: Path, kind: str) -> None:
    """12 channels, or the 8 of FLAC, at 192 kHz: each a twelfth louder than the one before."""
    num_channels = 8 if kind == "flac" else 12
    gains = np.arange(1, num_channels + 1) / num_channels
    (tmp_path / "a").write_bytes(encoded(chord(192_000)[:, None] * gains, 192_000, *KINDS[kind]))
    assert usable(tmp_path / "a")
    expected = gains.mean() * chord(SAMPLE_RATE)
    np.testing.assert_allclose(load_audio(tmp_path / "a")[200:-200], expected[200:-200], atol=1e-3)
    third = load_audio(tmp_path / "a", channel=2)
    np.testing.assert_allclose(third[200:-200], gains[2] * chord(SAMPLE_RATE)[200:-200], atol=1e-3)


def test_an_mp3_whose_header_counts_more_frames_than_there_are(tmp_path: Path) -> None:
    """A little more: what is there is read, nothing is added, and it is said. Much more: it is cut."""
    content = encoded(np.tile(chord(SAMPLE_RATE), 20), SAMPLE_RATE, *KINDS["mp3"])
    starts, path = mp3_frames(content), tmp_path / "a.mp3"
    path.write_bytes(content)
    whole = load_audio(path)
    path.write_bytes(content[: starts[-6]])
    with pytest.warns(AudioWarning, match=rf"{len(starts) - 6} of \d+ mp3 frames are there, so some of it may be"):
        found = load_audio(path)
    assert len(whole) - 8 * 576 < len(found) < len(whole)
    np.testing.assert_array_equal(found[:-2000], whole[: len(found) - 2000])
    assert np.abs(found[-576:]).max() > 0.01
    assert audio_info(path).num_samples == len(found)
    assert told_duration(path) is None
    assert usable(path)
    path.write_bytes(content[: starts[-60]])
    with pytest.raises(AudioError, match=r"truncated: \d+ of \d+ mp3 frames are there"):
        load_audio(path)


def test_blocks_are_read_forward_without_a_seek(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a seek, decoders of mp3, Ogg and Opus may be at a wrong place, or take minutes to find it."""

    def seek(*_: object) -> None:
        raise AssertionError("it was sought")

    monkeypatch.setattr(libsndfile._Reader, "seek", seek)
    monkeypatch.setattr(stream, "_BLOCK_VALUES", 1009)
    for kind in ("opus", "vorbis", "mp3", "flac", "wav"):
        (tmp_path / kind).write_bytes(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS[kind]))
        assert len(list(read_blocks(tmp_path / kind, 0.1))) >= 15


# --- changed while it is read -----------------------------------------------------------------------------------------


@pytest.fixture
def half_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Iterator[np.ndarray]]:
    """A file of 9 s and its blocks, of which the first has been read: so the file has been read once, and part of it
    again."""
    monkeypatch.setattr(stream, "_BLOCK_VALUES", 1009)
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(np.tile(chord(SAMPLE_RATE), 6), SAMPLE_RATE, "WAV", "PCM_16"))
    blocks = read_blocks(path, 0.5)
    next(blocks)
    return path, blocks


def test_a_file_that_is_deleted_while_it_is_read_is_read_to_its_end(
    half_read: tuple[Path, Iterator[np.ndarray]],
) -> None:
    path, blocks = half_read
    path.unlink()
    assert sum(map(len, blocks)) == 8.5 * SAMPLE_RATE
    with pytest.raises(AudioError, match="no such file"):
        next(read_blocks(path, 0.5))


def test_a_file_that_grows_while_it_is_read_is_what_it_was(half_read: tuple[Path, Iterator[np.ndarray]]) -> None:
    path, blocks = half_read
    with path.open("ab") as file:
        file.write(bytes(32_000))
    assert sum(map(len, blocks)) == 8.5 * SAMPLE_RATE


def test_a_file_that_shrinks_while_it_is_read_is_truncated(half_read: tuple[Path, Iterator[np.ndarray]]) -> None:
    path, blocks = half_read
    os.truncate(path, 100_000)
    with pytest.raises(AudioError, match=r"truncated: \d+ of 144000 samples can be read"):
        list(blocks)


def test_a_file_that_vanishes_between_its_two_readings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, "WAV", "PCM_16"))

    class Vanishing(libsndfile._Reader):
        def close(self) -> None:
            super().close()
            path.unlink(missing_ok=True)

    monkeypatch.setattr(libsndfile, "_Reader", Vanishing)
    with pytest.raises(AudioError, match="no such file"):
        list(read_blocks(path, 0.5))


def test_a_pipe_that_gives_a_few_bytes_at_a_time(tmp_path: Path) -> None:
    """What is open for reading, and gives less than asked, is read until it has ended."""
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, "WAV", "PCM_16")
    (tmp_path / "a.wav").write_bytes(content)
    assert np.array_equal(heard_from_a_pipe(content), load_audio(tmp_path / "a.wav"))


def heard_from_a_pipe(content: bytes) -> np.ndarray:
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123
            for place in range(0, len(content), 777):
                pipe.write(content[place : place + 777])

    writer = threading.Thread(target=write)
    writer.start()
    with open(reading, "rb", buffering=0) as pipe:  # noqa: PTH123
        waveform = waveform_of(pipe)
    writer.join()
    return waveform
