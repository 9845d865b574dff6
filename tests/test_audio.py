"""Sound files in many formats against a reference made by arithmetic, and files that are no sound at all.

The reference is a chord of five tones under an envelope, written down as a formula of time, so that it can be sampled
at any rate without a resampler.
"""

import io
import os
import re
import struct
import time as clock

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from asr.audio import SAMPLE_RATE, load_audio, read_sound, to_waveform
from asr.corpus.facts import audio_facts
from asr.errors import AudioError

SECONDS = 1.5
TONES = {200: 0.10, 400: 0.08, 800: 0.08, 1400: 0.06, 2600: 0.05}  # Hz: amplitude; all below the 4 kHz of telephones
LOSSY = ("mp3", "opus", "vorbis")


def chord(rate: int) -> np.ndarray:
    time = np.arange(round(SECONDS * rate)) / rate
    envelope = 0.6 + 0.4 * np.sin(2 * np.pi * 2 * time) * np.sin(np.pi * time / SECONDS)
    return envelope * sum(a * np.sin(2 * np.pi * f * time) for f, a in TONES.items())


def encoded(samples: np.ndarray, rate: int, format: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    return file.getvalue()


KINDS = {
    "wav": ("WAV", "PCM_16"),
    "wav 24 bit": ("WAV", "PCM_24"),
    "wav 32 bit": ("WAV", "PCM_32"),
    "wav 8 bit": ("WAV", "PCM_U8"),
    "wav float": ("WAV", "FLOAT"),
    "wav double": ("WAV", "DOUBLE"),
    "wav mu-law": ("WAV", "ULAW"),
    "wavex": ("WAVEX", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "flac 24 bit": ("FLAC", "PCM_24"),
    "sphere": ("NIST", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


def wav_bytes(samples: np.ndarray | None = None) -> bytes:
    return encoded(chord(SAMPLE_RATE) if samples is None else samples, SAMPLE_RATE, "WAV", "PCM_16")


def assert_is_chord(waveform: torch.Tensor, *, error: float, level: float = 1.0) -> None:
    """Length, level, tones and, sample by sample, the difference as a share of the signal's energy."""
    assert waveform.dtype == torch.float32
    reference = level * chord(SAMPLE_RATE)
    assert abs(len(waveform) - len(reference)) <= 2
    found = waveform.numpy()[: len(reference)].astype(np.float64)
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
def test_every_format_and_rate_gives_the_same_waveform(tmp_path, kind, rate):
    path = tmp_path / "no-suffix-is-needed"
    path.write_bytes(encoded(chord(rate), rate, *KINDS[kind]))
    error = 0.15 if kind in LOSSY else 0.08 if kind in ("wav 8 bit", "wav mu-law") else 0.01
    assert_is_chord(load_audio(path), error=error)


@pytest.mark.parametrize("rate", [11_025, 22_050, 32_000, 44_100, 96_000])
def test_other_rates(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", chord(rate), rate)
    assert_is_chord(load_audio(tmp_path / "a.wav"), error=0.01)


def test_what_16_khz_can_not_hold_is_filtered_out(tmp_path):
    time = np.arange(48_000) / 48_000
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 11_000 * time), 48_000)
    inside = load_audio(tmp_path / "a.wav")[1000:-1000]
    assert float(inside.abs().max()) < 1e-3  # without a filter there would be a tone at 5 kHz


@pytest.mark.parametrize("kind", ["wav", "flac", "opus", "mp3", "sphere"])
def test_channels_are_averaged(tmp_path, kind):
    voice, other = chord(48_000), 0.3 * np.sin(2 * np.pi * 500 * np.arange(round(SECONDS * 48_000)) / 48_000)
    path = tmp_path / "a"
    path.write_bytes(encoded(np.stack([voice + other, voice - other], axis=1), 48_000, *KINDS[kind]))
    # A lossy coder is heard more where two loud channels cancel.
    assert_is_chord(load_audio(path), error=0.3 if kind in LOSSY else 0.01)


def test_five_channels(tmp_path):
    soundfile.write(tmp_path / "a.wav", chord(16_000)[:, None] * [0.5, 1, 1.5, 0, 2], 16_000, subtype="FLOAT")
    assert_is_chord(load_audio(tmp_path / "a.wav"), error=1e-4)


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("gain", [10.0, 1e4, 1e37])
def test_float_beyond_full_scale_is_scaled_not_clipped(tmp_path, rate, gain):
    soundfile.write(tmp_path / "a.wav", chord(rate) * gain, rate, subtype="FLOAT")
    waveform = load_audio(tmp_path / "a.wav")
    assert float(waveform.abs().max()) == pytest.approx(1.0, abs=0.03)
    assert_is_chord(waveform, error=0.01, level=1 / np.abs(chord(rate)).max())


def test_the_sum_of_huge_channels_stays_finite(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full((100, 2), 3e38), 48_000, subtype="FLOAT")
    assert float(load_audio(tmp_path / "a.wav").abs().max()) == pytest.approx(1.0)


def test_full_scale_square_wave_stays_in_range_after_resampling(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.sign(np.sin(np.arange(48_000) / 30)) * 0.99997, 48_000)
    assert float(load_audio(tmp_path / "a.wav").abs().max()) <= 1.0


def test_to_waveform_takes_one_sample():
    assert to_waveform(np.array([[0.25]], dtype=np.float32), 16_000).tolist() == [0.25]


@pytest.mark.parametrize("kind", ["wav", "flac", "opus", "vorbis", "mp3", "sphere"])
@pytest.mark.parametrize(("offset", "duration"), [(0.0, 0.5), (0.4, 0.5), (1.0, None), (1.25, 99.0), (0.3, 1e308)])
def test_a_segment_is_a_slice_of_the_whole(tmp_path, kind, offset, duration):
    path = tmp_path / "a"
    path.write_bytes(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS[kind]))
    whole = load_audio(path)
    segment = load_audio(path, offset=offset, duration=duration)
    start = round(offset * SAMPLE_RATE)
    end = len(whole) if duration is None else min(len(whole), start + round(min(duration, 99) * SAMPLE_RATE))
    assert len(segment) == end - start
    torch.testing.assert_close(segment, whole[start:end], atol=1e-3, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_is_a_waveform_of_zeros(tmp_path, kind):
    path = tmp_path / "a"
    path.write_bytes(encoded(np.zeros(8000), 16_000, *KINDS[kind]))
    waveform = load_audio(path)
    assert abs(len(waveform) - 8000) <= 2
    assert float(waveform.abs().max()) < 1e-4


def test_a_name_in_no_encoding_is_a_name(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\xfe\n$.wav"
    with open(path, "wb") as file:  # noqa: PTH123 (the name is bytes)
        file.write(wav_bytes())
    assert_is_chord(load_audio(os.fsdecode(path)), error=0.01)


def test_the_suffix_does_not_matter(tmp_path):
    for name in ("a.mp3", "a.flac", "a.raw", "a.vox", "a.sd2", "a.txt", "a.m4a"):
        (tmp_path / name).write_bytes(wav_bytes())
        assert_is_chord(load_audio(tmp_path / name), error=0.01)


# --- odd but right wav files ------------------------------------------------------------------------------------------


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


LIST = chunk(b"LIST", b"INFO" + chunk(b"ISFT", b"Lavf58."))


@pytest.mark.parametrize("riff_length", [0, 36, 0xFFFFFFFF, None])
@pytest.mark.parametrize("data_length", [0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF, 0x7FFFF000, 0x80000000])
def test_a_streamed_wav_goes_on_to_its_end(tmp_path, riff_length, data_length):
    content = bytearray(wav_bytes())
    content[40:44] = struct.pack("<I", data_length)
    if riff_length is not None:
        content[4:8] = struct.pack("<I", riff_length)
    (tmp_path / "a.wav").write_bytes(content)
    assert_is_chord(load_audio(tmp_path / "a.wav"), error=0.01)


def test_a_streamed_wav_that_begins_with_silence(tmp_path):
    """Zeros look like chunks without a name and without a length."""
    content = bytearray(wav_bytes(np.concatenate([np.zeros(800), np.full(800, 0.5), np.zeros(800)])))
    content[40:44] = bytes(4)
    (tmp_path / "a.wav").write_bytes(content)
    waveform = load_audio(tmp_path / "a.wav")
    assert len(waveform) == 2400
    assert waveform[800:1600].tolist() == [0.5] * 800


@pytest.mark.parametrize("extra", [LIST, chunk(b"junk", b"12345"), chunk(b"bext", b"x" * 603), chunk(b"id3 ", b"123")])
def test_chunks_of_other_things(tmp_path, extra):
    content = wav_bytes()
    for number, mixed in enumerate((content + extra, content[:36] + extra + content[36:], content + extra + extra)):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(mixed)
        assert_is_chord(load_audio(path), error=0.01)


@pytest.mark.parametrize("padding", [b"", b"\0"])
def test_sound_of_an_odd_number_of_bytes(tmp_path, padding):
    odd = encoded(chord(SAMPLE_RATE)[:23_999], SAMPLE_RATE, "WAV", "PCM_U8")[: 44 + 23_999]
    (tmp_path / "a.wav").write_bytes(odd + padding)
    assert len(load_audio(tmp_path / "a.wav")) == 23_999
    (tmp_path / "a.wav").write_bytes(odd + b"\0" + LIST)
    assert len(load_audio(tmp_path / "a.wav")) == 23_999


@pytest.mark.parametrize("tag", [b"TAG" + b"x" * 125, b"APETAGEX" + b"x" * 500, bytes(300)])
def test_tags_around_an_mp3(tmp_path, tag):
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["mp3"])
    (tmp_path / "a.mp3").write_bytes(b"ID3\x03\0\0\0\0\x02\0" + b"\0" * 256 + content + tag)
    assert_is_chord(load_audio(tmp_path / "a.mp3"), error=0.15)


# --- refusals ---------------------------------------------------------------------------------------------------------


def refusal(path, **segment) -> str:
    """The message: one line, which begins with the path."""
    with pytest.raises(AudioError) as caught:
        load_audio(path, **segment)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_missing_empty_folder_pipe(tmp_path):
    assert refusal(tmp_path / "a.wav") == "no such file"
    assert refusal(tmp_path / "a.wav" / "b.wav") in ("no such file", "can not be opened: Not a directory")
    assert refusal(tmp_path) == "is a folder, expected a sound file"
    assert refusal(tmp_path / "a\0b.wav") == "no such file"
    assert refusal(tmp_path / "\ud800.wav") == "no such file"
    assert refusal(tmp_path / ("x" * 300)) == "can not be opened: File name too long"
    (tmp_path / "loop").symlink_to("loop")
    assert refusal(tmp_path / "loop").startswith("can not be opened: ")
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe").startswith("is a pipe or a device")
    (tmp_path / "a.wav").write_bytes(b"")
    assert refusal(tmp_path / "a.wav") == "the file is empty (0 bytes)"


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.raw", "a.vox", "a.au", "a.gsm", "a.txt", "a"])
@pytest.mark.parametrize("content", ["x", "not audio\n" * 500, "\0" * 99], ids=["x", "text", "zeros"])
def test_not_audio(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert refusal(tmp_path / name).startswith("not audio that can be read")


def test_m4a_without_a_decoder_says_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom" + bytes(500))
    assert "m4a and video need ffmpeg" in refusal(tmp_path / "a.m4a")


def test_m4a_with_the_decoder_of_the_system(tmp_path, monkeypatch):
    """Whatever decoder audioread finds, it gives 16-bit samples in blocks."""
    stereo = (np.stack([chord(44_100), chord(44_100)], axis=1) * 2**15).astype("<i2").tobytes()

    class Decoded:
        samplerate, channels = 44_100, 2

        def __enter__(self):
            return iter(self)

        def __exit__(self, *_):
            pass

        def __iter__(self):
            return (stereo[i : i + 4096] for i in range(0, len(stereo), 4096))

    decoded = Decoded()
    monkeypatch.setattr(Decoded, "__enter__", lambda self: self)
    monkeypatch.setattr("audioread.audio_open", lambda path: decoded)
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    assert_is_chord(load_audio(tmp_path / "a.m4a"), error=0.01)
    whole, part = read_sound(tmp_path / "a.m4a"), read_sound(tmp_path / "a.m4a", offset=0.5, duration=0.25)
    np.testing.assert_array_equal(part.samples, whole.samples[22_050 : 22_050 + 11_025])


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_truncated(tmp_path, kind, share, capfd):
    """Cut inside the header, in the middle of the sound, one byte before the end; in a format's own words for it."""
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS[kind])
    cut = content[:share] if share < 0 else content[: round(share * len(content))]
    path = tmp_path / "a"
    path.write_bytes(cut)
    message = refusal(path)
    assert re.match("truncated|not audio that can be read", message)
    # Behind the header (SPHERE has the longest, 1024 bytes; CAF fills up to 4096) it is known what is missing.
    if share < 0 or len(cut) > 4200:
        assert message.startswith("truncated"), message
    assert capfd.readouterr().err == ""  # the decoders are quiet


@pytest.mark.parametrize("kind", ["wav", "wav float", "wavex", "flac", "sphere", "aiff"])
def test_truncated_anywhere_in_the_first_bytes(tmp_path, kind):
    content = encoded(chord(SAMPLE_RATE)[:4000], SAMPLE_RATE, *KINDS[kind])
    for length in range(1, 120, 3):
        (tmp_path / "a").write_bytes(content[:length])
        refusal(tmp_path / "a")


def test_ogg_cut_between_two_pages(tmp_path):
    for kind in ("opus", "vorbis"):
        content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS[kind])
        (tmp_path / "a.ogg").write_bytes(content[: content.rindex(b"OggS")])
        assert refusal(tmp_path / "a.ogg").startswith("truncated: the Ogg stream has no end")


def mp3_frames(content: bytes) -> list[int]:
    """Where the frames of an MPEG-2 layer III file at 16 kHz start, by the standard's table of bit rates."""
    rates = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
    starts, position = [], 0
    while position < len(content):
        starts.append(position)
        assert content[position] == 0xFF
        position += 72 * 1000 * rates[content[position + 2] >> 4] // 16_000 + (content[position + 2] >> 1 & 1)
    return starts


def test_mp3_cut_between_two_frames(tmp_path):
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["mp3"])
    (tmp_path / "a.mp3").write_bytes(content[: mp3_frames(content)[-6]])
    assert re.match(r"truncated: \d+ of \d+ mp3 frames are there", refusal(tmp_path / "a.mp3"))


def test_mp3_of_varying_bit_rate_that_does_not_tell_its_length(tmp_path):
    """libsndfile would guess the length from the first frame's bit rate, and leave out what is beyond."""
    loud_and_silent = np.concatenate([chord(SAMPLE_RATE), np.zeros(2 * SAMPLE_RATE), chord(SAMPLE_RATE)])
    content = encoded(loud_and_silent, SAMPLE_RATE, *KINDS["mp3"])
    (tmp_path / "a.mp3").write_bytes(content[mp3_frames(content)[1] :])
    assert "does not tell its length" in refusal(tmp_path / "a.mp3")


@pytest.mark.parametrize("kind", ["wav", "mp3", "opus", "vorbis"])
def test_of_joined_files_not_only_the_first_is_heard(tmp_path, kind):
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS[kind])
    (tmp_path / "a").write_bytes(content * 2)
    assert refusal(tmp_path / "a").startswith("holds a second recording after the first")


def test_flac_that_does_not_tell_its_length(tmp_path):
    content = bytearray(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["flac"]))
    content[21] &= 0xF0  # the 36 bits of the number of samples, in the STREAMINFO block
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    assert refusal(tmp_path / "a.flac").startswith("does not tell its length")


@pytest.mark.parametrize("kind", ["wav", "wav float", "sphere", "aiff", "au", "caf", "vorbis"])
def test_no_samples(tmp_path, kind):
    (tmp_path / "a").write_bytes(encoded(np.zeros(0), SAMPLE_RATE, *KINDS[kind]))
    assert re.match("holds no samples|not audio", refusal(tmp_path / "a"))


def test_no_samples_but_other_chunks(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes(np.zeros(0)) + LIST)
    assert refusal(tmp_path / "a.wav") == "holds no samples"


def test_a_segment_beyond_the_end(wav):
    assert refusal(wav, offset=7.5, duration=1.0) == "holds no samples from 7.5 s on"
    assert refusal(wav, offset=1e308) == "holds no samples from 1e+308 s on"


def test_less_than_one_sample_at_16_khz(tmp_path):
    soundfile.write(tmp_path / "a.wav", [0.5], 192_000)
    assert refusal(tmp_path / "a.wav") == "too short: 1 samples at 192000 Hz"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_samples_that_are_not_finite(tmp_path, bad, rate):
    samples = np.zeros((rate, 2))
    samples[rate // 2, 1] = bad
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    assert refusal(tmp_path / "a.wav").startswith("holds samples that are NaN or infinite, the first at 0.500 s")
    assert "the first at 0.500 s" in refusal(tmp_path / "a.wav", offset=0.25)
    assert len(load_audio(tmp_path / "a.wav", duration=0.25)) == 4000


@pytest.mark.parametrize("rate", [0, 1, 3999, 2_000_000_000])
def test_rates_that_only_a_damaged_header_has(tmp_path, rate):
    content = bytearray(wav_bytes())
    content[24:28] = struct.pack("<I", rate)
    (tmp_path / "a.wav").write_bytes(content)
    assert re.match("the sample rate is|not audio", refusal(tmp_path / "a.wav"))


def test_a_header_that_promises_the_moon(tmp_path):
    content = bytearray(encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["flac"]))
    content[21] |= 0x0F  # 2**36 - 1 samples, 256 GB of float32
    content[22:26] = b"\xff" * 4
    (tmp_path / "a.flac").write_bytes(content)
    assert re.match("truncated|does not fit", refusal(tmp_path / "a.flac"))


def test_sphere_that_is_compressed(tmp_path):
    content = encoded(chord(SAMPLE_RATE), SAMPLE_RATE, *KINDS["sphere"])
    shortened = content.replace(b"sample_coding -s3 pcm\n", b"sample_coding -s26 pcm,embedded-shorten-v2.00\n")
    (tmp_path / "a.sph").write_bytes(shortened)
    assert refusal(tmp_path / "a.sph").startswith("not audio that can be read: ")


# --- anything at all --------------------------------------------------------------------------------------------------


def usable(path) -> bool:
    """Whether it loads, and then as a waveform; anything but an AudioError is a failure."""
    try:
        waveform = load_audio(path)
    except AudioError as error:
        assert "\n" not in str(error)
        return False
    assert len(waveform) > 0
    assert torch.isfinite(waveform).all()
    assert float(waveform.abs().max()) <= 1.0
    return True


MAGICS = [b"", b"RIFF\xff\xff\0\0WAVE", b"fLaC", b"OggS", b"ID3\x03", b"\xff\xfb\x90\0", b"NIST_1A\n   1024\n", b".snd"]


@given(st.sampled_from(MAGICS), st.binary(max_size=400))
def test_random_bytes(tmp_path_factory, magic, rest):
    path = tmp_path_factory.getbasetemp() / "random"
    path.write_bytes(magic + rest)
    usable(path)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_headers(tmp_path, kind, capfd):
    rng = np.random.default_rng(sum(kind.encode()))
    content = encoded(chord(SAMPLE_RATE)[:8000], SAMPLE_RATE, *KINDS[kind])
    path = tmp_path / "a"
    path.write_bytes(content)
    assert usable(path)
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, rng.choice([16, 64, 200, len(content)]), rng.integers(1, 6)):
            damaged[place] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
        path.write_bytes(damaged)
        usable(path)
    assert capfd.readouterr().err == ""


# --- speed, facts, real files -----------------------------------------------------------------------------------------


def test_the_checks_cost_little(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.resize(chord(SAMPLE_RATE), 3 * SAMPLE_RATE), SAMPLE_RATE)

    def fastest(function) -> float:
        times = []
        for _ in range(20):
            start = clock.perf_counter()
            function()
            times.append(clock.perf_counter() - start)
        return min(times)

    plain = fastest(lambda: soundfile.read(tmp_path / "a.wav", dtype="float32"))
    assert fastest(lambda: load_audio(tmp_path / "a.wav")) < plain + 2e-3


def test_facts_are_those_of_the_file(tmp_path):
    time = np.arange(48_000) / 48_000
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time) * (time >= 0.5)
    both = np.stack([tone + 0.125, tone - 0.0625], axis=1)
    both[:480, 0] = 1.5
    soundfile.write(tmp_path / "a.wav", both, 48_000, subtype="FLOAT")
    facts, waveform = audio_facts(tmp_path / "a.wav")
    assert (facts.format, facts.encoding, facts.sample_rate, facts.num_channels) == ("WAV", "FLOAT", 48_000, 2)
    assert facts.duration == 1.0
    assert len(waveform) == SAMPLE_RATE
    assert facts.peak_level == pytest.approx(20 * np.log10(1.5), abs=0.01)  # heard nowhere after averaging
    assert facts.clipped == pytest.approx(480 / 96_000)
    assert facts.dc_offset == pytest.approx(both.mean(), abs=1e-6)
    assert facts.speech_level == pytest.approx(20 * np.log10(np.sqrt(0.5**2 / 2 + 0.03125**2)), abs=0.1)
    assert facts.noise_level == pytest.approx(20 * np.log10(0.03125), abs=0.1)


@pytest.mark.parametrize("num_samples", [1, 399, 401])
def test_facts_of_a_very_short_silence(tmp_path, num_samples):
    soundfile.write(tmp_path / "a.wav", np.zeros(num_samples), SAMPLE_RATE)
    facts, _ = audio_facts(tmp_path / "a.wav")
    assert facts.peak_level == facts.rms_level == facts.noise_level == pytest.approx(-120)
    assert facts.clipped == 0


def test_real_sphere_and_opus(real_data, tmp_path):
    import tarfile

    for archive, suffix in (("an4_sphere.tar.gz", ".sph"), ("train-clean-5-opus.tar", ".opus")):
        with tarfile.open(real_data / archive) as tar:
            member = next(member for member in tar if member.name.endswith(suffix))
            content = tar.extractfile(member).read()
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        reference, rate = soundfile.read(path, dtype="float32")
        assert rate == SAMPLE_RATE
        np.testing.assert_array_equal(load_audio(path).numpy(), reference)
        path.write_bytes(content[:-200])
        assert refusal(path).startswith("truncated")
