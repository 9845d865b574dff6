"""How long files are whose headers do not tell, or tell wrong; and that import is told the same as training hears."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.audio import audio_info, load_audio, read_sound
from asr.corpus.durations import read_durations
from asr.errors import AudioError
from tests.support.sounds import KINDS, SAMPLE_RATE, chord, encoded, mp3_frames, wav_bytes

SPEECHLIKE = np.concatenate([chord(SAMPLE_RATE), np.zeros(2 * SAMPLE_RATE), chord(SAMPLE_RATE)])


def flac_without_length(content: bytes) -> bytes:
    """With zeros for the number of samples and the checksum of the sound, as an encoder leaves it in a pipe."""
    header = bytearray(content[:42])
    header[21] &= 0xF0
    header[22:42] = bytes(20)
    return bytes(header) + content[42:]


def id3(content: bytes) -> bytes:
    """A tag that holds a picture of 60 kB."""
    picture = b"\0image/png\0\x03\0" + np.random.default_rng(0).bytes(60_000)
    frame = b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    return b"ID3\x03\0\0" + bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0)) + frame + content


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_import_is_told_what_training_hears(tmp_path: Path, kind: str, rate: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(chord(rate), rate, *KINDS[kind]))
    info, sound = audio_info(path), read_sound(path)
    assert (info.num_samples, info.sample_rate, info.num_channels) == (len(sound.samples), rate, 1)
    assert (info.format, info.encoding) == (sound.format, sound.encoding)
    assert read_durations([path]) == [sound.duration]


@pytest.mark.parametrize("block_size", [1152, 4096])
@pytest.mark.parametrize("num_samples", [100, 1151, 4096, 23_999])
def test_flac_without_length(tmp_path: Path, num_samples: int, block_size: int) -> None:
    """The reference is the same file with its length; libsndfile makes blocks of 1152 at its lowest compression."""
    path, level = tmp_path / "a.flac", {1152: 0.0, 4096: 0.9}[block_size]
    samples = np.resize(chord(SAMPLE_RATE), num_samples)
    soundfile.write(path, samples, SAMPLE_RATE, compression_level=level)
    reference, content = load_audio(path), path.read_bytes()
    assert int.from_bytes(content[8:10], "big") == block_size
    path.write_bytes(flac_without_length(content))
    assert audio_info(path).num_samples == num_samples
    assert np.array_equal(load_audio(path), reference)
    segment = load_audio(path, offset=0.001, duration=0.003)
    assert np.array_equal(segment, reference[16:64])
    for missing in (1, 2, 60):
        path.write_bytes(flac_without_length(content)[:-missing])
        for read in (audio_info, load_audio):
            with pytest.raises(AudioError, match="truncated: its last FLAC frame is incomplete"):
                read(path)


def test_flac_blocks_of_varying_size(tmp_path: Path) -> None:
    """The frames number samples then, not blocks: written by hand, as no encoder at hand makes such."""
    path = tmp_path / "a.flac"
    soundfile.write(path, np.zeros(2000), SAMPLE_RATE, compression_level=0.0)  # a frame of 1152, and one of 848
    content = bytearray(flac_without_length(path.read_bytes()))
    last = bytes(content).rindex(b"\xff\xf8")
    frame = b"\xff\xf9" + bytes(content[last + 2 : last + 4]) + "\u0480".encode()  # the number 1152, as UTF-8
    frame += struct.pack(">H", 848 - 1)
    frame += bytes([crc(frame, 0x07, 8)]) + bytes(content[last + 8 : -2])
    path.write_bytes(bytes(content[:last]) + frame + struct.pack(">H", crc(frame, 0x8005, 16)))
    assert audio_info(path).num_samples == 2000


def crc(content: bytes, polynomial: int, bits: int) -> int:
    """Bit by bit, as the standard defines it: the remainder of a division of polynomials."""
    value = int.from_bytes(content, "big") << bits
    divisor = 1 << bits | polynomial
    while value.bit_length() > bits:
        value ^= divisor << (value.bit_length() - divisor.bit_length())
    return value


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_wav_of_a_recorder_that_was_killed(tmp_path: Path, length: int) -> None:
    content = bytearray(wav_bytes())
    content[40:44] = struct.pack("<I", length)
    (tmp_path / "a.wav").write_bytes(content)
    assert read_durations([tmp_path / "a.wav"]) == [1.5]


@pytest.mark.parametrize("covered", [False, True])
def test_mp3_of_constant_bit_rate_without_a_note_of_its_length(tmp_path: Path, covered: bool) -> None:
    path = tmp_path / "a.mp3"
    constant = {"bitrate_mode": "CONSTANT", "compression_level": 0.8}
    soundfile.write(path, chord(SAMPLE_RATE), SAMPLE_RATE, format="MP3", **constant)
    starts = mp3_frames(path.read_bytes())
    content = path.read_bytes()[starts[1] :]  # the first is the note
    path.write_bytes(id3(content) if covered else content)
    sound = read_sound(path)
    assert len(sound.samples) == 576 * (len(starts) - 1)
    assert audio_info(path).num_samples == len(sound.samples)
    with pytest.raises(AudioError, match=r"holds no samples from 3\.0 s on"):
        load_audio(path, offset=3.0, duration=1.0)


def test_mp3_of_varying_bit_rate_without_a_note_of_its_length(tmp_path: Path) -> None:
    """libsndfile would guess the length from the first frame's bit rate, and leave out what is beyond."""
    content = encoded(SPEECHLIKE, SAMPLE_RATE, *KINDS["mp3"])
    (tmp_path / "noted.mp3").write_bytes(content)
    (tmp_path / "a.mp3").write_bytes(content[mp3_frames(content)[1] :])
    with soundfile.SoundFile(tmp_path / "a.mp3") as file:
        assert file.frames < 0.9 * len(SPEECHLIKE)
    sound, noted = read_sound(tmp_path / "a.mp3"), read_sound(tmp_path / "noted.mp3")
    assert audio_info(tmp_path / "a.mp3").num_samples == len(sound.samples)
    # The note would also tell how much the encoder put before and behind: at most three frames.
    assert 0 <= len(sound.samples) - len(noted.samples) < 3 * 1152
    end = len(noted.samples) - 2000
    errors = [np.abs(sound.samples[2000 + s : end + s] - noted.samples[2000:end]).max() for s in range(1800)]
    assert min(errors) < 1e-5


def test_mp3_that_is_broken_has_no_length(tmp_path: Path) -> None:
    """Neither where ffmpeg is installed nor elsewhere is it said to be missing."""
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["mp3"])
    (tmp_path / "a.mp3").write_bytes(content[:200] + np.random.default_rng(0).bytes(8000))
    (error,) = read_durations([tmp_path / "a.mp3"])
    assert isinstance(error, AudioError)
    assert "ffmpeg" not in str(error)


def test_a_long_sound_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And comes out as in one piece, in every format, from any start."""
    paths = []
    for kind in ("wav", "flac", "opus", "vorbis", "mp3", "sphere"):
        paths.append(tmp_path / kind.replace(" ", ""))
        paths[-1].write_bytes(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS[kind]))
    spans = [(0.0, None), (0.1, 0.3), (1.2, 9.0)]
    whole = [[load_audio(path, offset=o, duration=d) for o, d in spans] for path in paths]
    monkeypatch.setattr("asr.decoders.stream._BLOCK_VALUES", 1000)
    for path, expected in zip(paths, whole, strict=True):
        for (offset, duration), waveform in zip(spans, expected, strict=True):
            assert np.array_equal(load_audio(path, offset=offset, duration=duration), waveform)
