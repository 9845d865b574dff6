"""Files that are no sound, or not all of one: each is refused in one line, and nothing is ever guessed."""

import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asr.audio import load_audio
from asr.errors import AudioError, AudioWarning
from tests.support.both_readers import usable
from tests.support.sounds import KINDS, LIST, SAMPLE_RATE, SECONDS, chord, encoded, mp3_frames, wav_bytes


def refusal(path: Path, **segment: Any) -> str:
    """The message: one line, which begins with the path."""
    with pytest.raises(AudioError) as caught:
        load_audio(path, **segment)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_missing_empty_folder_pipe(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.wav") == "no such file"
    assert refusal(tmp_path / "a.wav" / "b.wav") in ("no such file", "cannot be opened: Not a directory")
    assert refusal(tmp_path) == "is a folder, expected a sound file"
    assert refusal(tmp_path / "a\0b.wav") == "no such file"
    assert refusal(tmp_path / "\ud800.wav") == "no such file"
    assert refusal(tmp_path / ("x" * 300)) == "cannot be opened: File name too long"
    (tmp_path / "loop").symlink_to("loop")
    assert refusal(tmp_path / "loop").startswith("cannot be opened: ")
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe").startswith("is a pipe or a device")
    (tmp_path / "a.wav").write_bytes(b"")
    assert refusal(tmp_path / "a.wav") == "the file is empty (0 bytes)"


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.raw", "a.vox", "a.au", "a.gsm", "a.txt", "a"])
@pytest.mark.parametrize("content", ["x", "not audio\n" * 500, "\0" * 99], ids=["x", "text", "zeros"])
def test_not_audio(tmp_path: Path, name: str, content: str, either: bool) -> None:
    (tmp_path / name).write_text(content)
    assert refusal(tmp_path / name).startswith("not audio that can be read")


def test_m4a_without_ffmpeg_says_what_it_is_and_what_is_needed(tmp_path: Path, no_ffmpeg: None) -> None:
    (tmp_path / "a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + b"\0\0\0\x08moov")
    message = refusal(tmp_path / "a")
    assert message.startswith("is MP4 or QuickTime, which only ffmpeg reads, and that is not installed: install it")
    assert message.endswith("or convert the file to wav or flac")


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_truncated(tmp_path: Path, kind: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    """Cut inside the header, in the middle of the sound, one byte before the end; in a format's own words for it."""
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS[kind])
    cut = content[:-1] if share < 0 else content[: round(share * len(content))]
    path = tmp_path / "a"
    path.write_bytes(cut)
    message = refusal(path)
    assert re.match("truncated|not audio that can be read", message)
    # Behind the header (SPHERE has the longest, 1024 bytes; CAF fills up to 4096) it is known what is missing.
    if share < 0 or len(cut) > 4200:
        assert message.startswith("truncated"), message
    assert capfd.readouterr().err == ""  # the decoders are quiet


@pytest.mark.parametrize("kind", ["wav", "wav float", "wavex", "flac", "sphere", "aiff"])
def test_truncated_anywhere_in_the_first_bytes(tmp_path: Path, kind: str) -> None:
    content = encoded(chord(SAMPLE_RATE)[:4000], SAMPLE_RATE, *KINDS[kind])
    for length in range(1, 120, 3):
        (tmp_path / "a").write_bytes(content[:length])
        refusal(tmp_path / "a")


def test_ogg_cut_between_two_pages_is_read_and_said(tmp_path: Path) -> None:
    for kind in ("opus", "vorbis"):
        content = encoded(np.tile(chord(SAMPLE_RATE), 4), SAMPLE_RATE, *KINDS[kind])
        path = tmp_path / f"{kind}.ogg"
        path.write_bytes(content)
        whole = load_audio(path)
        path.write_bytes(content[: content.rindex(b"OggS")])
        with pytest.warns(AudioWarning, match="the Ogg stream has no end mark"):
            part = load_audio(path)
        assert 0.3 * len(whole) < len(part) < len(whole)
        np.testing.assert_allclose(part[:-1000], whole[: len(part) - 1000], rtol=1.3e-6, atol=1e-5)
        path.write_bytes(content[:-1])
        assert refusal(path).startswith("truncated: its last Ogg page is incomplete")


def test_mp3_cut_between_two_frames(tmp_path: Path) -> None:
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["mp3"])
    (tmp_path / "a.mp3").write_bytes(content[: mp3_frames(content)[-6]])
    assert re.match(r"truncated: \d+ of \d+ mp3 frames are there", refusal(tmp_path / "a.mp3"))


@pytest.mark.parametrize("kind", ["wav", "mp3", "opus", "vorbis"])
def test_of_joined_files_not_only_the_first_is_heard(tmp_path: Path, kind: str) -> None:
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS[kind])
    (tmp_path / "a").write_bytes(content * 2)
    assert refusal(tmp_path / "a").startswith("holds a second recording after the first")


@pytest.mark.parametrize("kind", ["wav", "wav float", "sphere", "aiff", "au", "caf", "vorbis"])
def test_no_samples(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(encoded(np.zeros(0), SAMPLE_RATE, *KINDS[kind]))
    assert re.match("holds no samples|not audio", refusal(tmp_path / "a"))


def test_no_samples_but_other_chunks(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_bytes(np.zeros(0)) + LIST)
    assert refusal(tmp_path / "a.wav") == "holds no samples"


def test_a_segment_beyond_the_end(wav: Path) -> None:
    assert refusal(wav, offset=7.5, duration=1.0) == "holds no samples from 7.5 s on"
    assert refusal(wav, offset=1e308) == "holds no samples from 1e+308 s on"


def test_less_than_one_sample_at_16_khz(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.5], 192_000)
    assert refusal(tmp_path / "a.wav") == "too short: 1 samples at 192000 Hz"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_samples_that_are_not_finite(tmp_path: Path, bad: float, rate: int) -> None:
    samples = np.zeros((rate, 2))
    samples[rate // 2, 1] = bad
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    assert refusal(tmp_path / "a.wav").startswith("holds samples that are NaN or infinite, the first at 0.500 s")
    assert "the first at 0.500 s" in refusal(tmp_path / "a.wav", offset=0.25)
    assert len(load_audio(tmp_path / "a.wav", duration=0.25)) == 4000


@pytest.mark.parametrize("rate", [0, 1, 3999, 2_000_000_000])
def test_rates_that_only_a_damaged_header_has(tmp_path: Path, rate: int) -> None:
    content = bytearray(wav_bytes())
    content[24:28] = struct.pack("<I", rate)
    (tmp_path / "a.wav").write_bytes(content)
    assert re.match("the sample rate is|not audio", refusal(tmp_path / "a.wav"))


def test_a_header_that_promises_the_moon(tmp_path: Path) -> None:
    content = bytearray(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["flac"]))
    content[21] |= 0x0F  # 2**36 - 1 samples, 256 GB of float32
    content[22:26] = b"\xff" * 4
    (tmp_path / "a.flac").write_bytes(content)
    assert re.match("truncated|does not fit", refusal(tmp_path / "a.flac"))


def test_flac_whose_frames_are_not_of_the_size_that_it_tells(tmp_path: Path) -> None:
    """A decoder would put them in wrong places, and fill up with silence."""
    content = bytearray(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["flac"]))
    assert content[8:12] == struct.pack(">HH", 4096, 4096)
    content[8:12] = struct.pack(">HH", 8192, 8192)
    path = tmp_path / "a.flac"
    path.write_bytes(content)
    assert refusal(path).startswith("damaged: its FLAC frames are not of the size that its header tells")
    soundfile.write(path, chord(SAMPLE_RATE)[:1000], SAMPLE_RATE)  # a single frame, which is shorter
    assert len(load_audio(path)) == 1000


def test_sphere_that_is_compressed(tmp_path: Path) -> None:
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["sphere"])
    shortened = content.replace(b"sample_coding -s3 pcm\n", b"sample_coding -s26 pcm,embedded-shorten-v2.00\n")
    (tmp_path / "a.sph").write_bytes(shortened)
    message = refusal(tmp_path / "a.sph")
    assert message.startswith("SPHERE compressed with shorten-v2.00, which cannot be decoded here")
    assert "sph2pipe" in message


# --- anything at all --------------------------------------------------------------------------------------------------


MAGICS = [b"", b"RIFF\xff\xff\0\0WAVE", b"fLaC", b"OggS", b"ID3\x03", b"\xff\xfb\x90\0", b"NIST_1A\n   1024\n", b".snd"]


@given(st.sampled_from(MAGICS), st.binary(max_size=400))
def test_random_bytes(tmp_path_factory: pytest.TempPathFactory, magic: bytes, rest: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "random"
    path.write_bytes(magic + rest)
    usable(path)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files(
    tmp_path: Path, kind: str, mutations: int, capfd: pytest.CaptureFixture[str], no_ffmpeg: None
) -> None:
    rng = np.random.default_rng(sum(kind.encode()))
    content = encoded(chord(SAMPLE_RATE)[:8000], SAMPLE_RATE, *KINDS[kind])
    path = tmp_path / "a"
    path.write_bytes(content)
    assert usable(path)
    for _ in range(mutations):
        damaged = bytearray(content)
        for place in rng.integers(0, rng.choice([16, 64, 200, len(content)]), rng.integers(1, 6)):
            damaged[place] = rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))])
        path.write_bytes(damaged)
        usable(path)
    assert capfd.readouterr().err == ""


def test_headers_that_promise_what_no_file_holds(tmp_path: Path, either: bool) -> None:
    """A billion channels, no channels, a length of nothing, a length of everything."""
    for place, value in ((22, 0xFFFF), (22, 0), (24, 0xFFFFFFFF), (32, 0), (32, 0xFFFF), (34, 0), (16, 0xFFFFFFF0)):
        content = bytearray(wav_bytes())
        size = 2 if place in (22, 32, 34) else 4
        content[place : place + size] = value.to_bytes(size, "little")
        (tmp_path / "a").write_bytes(content)
        try:
            waveform = load_audio(tmp_path / "a")
        except AudioError:
            continue
        assert len(waveform) <= 4 * SECONDS * SAMPLE_RATE
    au = b".snd" + b"".join(value.to_bytes(4, "big") for value in (24, 8000, 3, 16_000, 10**9)) + bytes(8000)
    (tmp_path / "a").write_bytes(au)
    assert refusal(tmp_path / "a").startswith("not audio that can be read")
