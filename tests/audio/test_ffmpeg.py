"""What only ffmpeg decodes: whole, or refused; and never anything else than the file that is named."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr.audio import audio_info, load_audio, read_sound
from asr.corpus.durations import read_durations
from asr.decoders.opening import EncodedSound
from asr.errors import AudioError
from tests.support.both_readers import usable
from tests.support.sounds import KINDS, SAMPLE_RATE, SECONDS, Make, chord, encoded, likeness, wav_bytes

MADE: dict[str, tuple[list[str], str]] = {  # name: how ffmpeg makes it, and the kind that a message names
    "a.m4a": ([], "MP4 or QuickTime"),
    "b.m4a": (["-movflags", "+faststart"], "MP4 or QuickTime"),
    "fragments.mp4": (["-movflags", "frag_keyframe+empty_moov"], "MP4 or QuickTime"),
    "a.mov": (["-c:a", "pcm_s16le"], "MP4 or QuickTime"),
    "a.aac": (["-f", "adts"], "AAC in ADTS"),
    "a.avi": (["-c:a", "pcm_s16le"], "AVI"),
    "a.mkv": (["-c:a", "flac"], "Matroska or WebM"),
    "a.wma": (["-c:a", "wmav2"], "Windows Media (ASF)"),
    "a.ac3": (["-ar", "48000", "-c:a", "ac3"], "AC-3"),
    "a.ogg": (["-c:a", "flac"], "FLAC in Ogg"),
    "a.wv": (["-c:a", "wavpack"], "WavPack"),
    "a.tta": (["-c:a", "tta"], "True Audio"),
    "ac3.wav": (["-ar", "48000", "-c:a", "ac3"], "AC-3 in WAV"),
    "g726.wav": (["-ar", "8000", "-c:a", "g726"], "G.726 in WAV"),
    "wma.wav": (["-c:a", "wmav2"], "WMA 2 in WAV"),
    "mp2.wav": (["-ar", "48000", "-c:a", "mp2"], "MP2 in WAV"),
}


def nameless(path: Path, tmp_path: Path, content: bytes | None = None) -> Path:
    """A copy whose name says nothing."""
    copy = tmp_path / "x"
    copy.write_bytes(path.read_bytes() if content is None else content)
    return copy


def refusal(path: Path, **segment: Any) -> str:
    """The message of reading; that of import is the same."""
    with pytest.raises(AudioError) as caught:
        load_audio(path, **segment)
    (error,) = read_durations([path])
    assert str(error) == str(caught.value)
    return str(error).removeprefix(f"{path}: ")


# --- what is decoded --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE)
def test_what_is_in_it_is_heard(make: Make, tmp_path: Path, name: str) -> None:
    path = nameless(make(name, *MADE[name][0]), tmp_path)
    waveform = load_audio(path)
    assert SECONDS - 0.03 <= len(waveform) / SAMPLE_RATE <= SECONDS + 0.13  # the last frame is filled up, or left out
    assert likeness(waveform) > (0.95 if name in ("g726.wav", "a.wma", "wma.wav") else 0.99)
    sound, info = read_sound(path), audio_info(path)
    assert (info.num_samples, info.sample_rate, info.num_channels) == (len(sound.samples), sound.sample_rate, 1)
    part = read_sound(path, offset=0.5, duration=0.25)
    first, count = round(0.5 * sound.sample_rate), round(0.25 * sound.sample_rate)
    np.testing.assert_array_equal(part.samples, sound.samples[first : first + count])
    assert np.array_equal(load_audio(EncodedSound(Path("shard/x"), path.read_bytes())), waveform)


@pytest.mark.parametrize("name", [name for name in MADE if name not in ("a.ogg", "a.ac3")])
def test_without_ffmpeg_it_is_said_what_is_needed(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = nameless(make(name, *MADE[name][0]), tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    message = refusal(path)
    assert message.startswith(f"is {MADE[name][1]}, which only ffmpeg reads, and that is not installed: install it")


@pytest.mark.parametrize("layout", ["quad", "5.1", "4.0", "stereo"])
def test_any_layout_of_channels(make: Make, layout: str) -> None:
    num_channels = {"quad": 4, "5.1": 6, "4.0": 4, "stereo": 2}[layout]
    mix = f"pan={layout}|" + "|".join(f"c{i}={1 - i / 10}*c0" for i in range(num_channels))
    path = make(f"{layout}.mka", "-af", mix, "-c:a", "flac")
    sound = read_sound(path)
    assert sound.samples.shape == (round(SECONDS * SAMPLE_RATE), num_channels)
    np.testing.assert_allclose(sound.samples[:, 1], 0.9 * sound.samples[:, 0], atol=1e-4)


@pytest.mark.parametrize("name", ["talk: part 1.m4a", "12:30.m4a", "-dash.m4a", "http:x", "a%03d.m4a", "ü '\"\n$.mp4"])
def test_any_name_is_a_name(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    content = make("a.m4a").read_bytes()
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    assert likeness(load_audio(name)) > 0.99


@pytest.mark.parametrize("title", ["Interview audio: part 2", "Stream #0:0: Audio: pcm, 8000 Hz, quad"])
def test_any_title(make: Make, title: str) -> None:
    path = make(f"{len(title)}.m4a", "-metadata", f"title={title}")
    assert read_sound(path).sample_rate == SAMPLE_RATE
    assert likeness(load_audio(path)) > 0.99


@pytest.mark.parametrize("name", ["x.au", "x.wav", "x.mp3", "x.gsm", "x.flac"])
def test_the_name_decides_nothing(make: Make, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(make("a.m4a").read_bytes())
    assert np.array_equal(load_audio(tmp_path / name), load_audio(make("a.m4a")))
    assert read_durations([tmp_path / name]) == read_durations([make("a.m4a")])


# --- what is not whole ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 0.5, 0.6, 0.9])
@pytest.mark.parametrize("name", [name for name in MADE if name != "a.ogg"])
def test_cut_by_a_download(make: Make, tmp_path: Path, name: str, share: float) -> None:
    content = make(name, *MADE[name][0]).read_bytes()
    message = refusal(nameless(tmp_path, tmp_path, content[: round(share * len(content))]))
    assert message.startswith(("truncated", "not audio that can be read: ffmpeg says"))


def test_a_webm_that_was_written_into_a_pipe(make: Make, ffmpeg: str, folder: Path, tmp_path: Path) -> None:
    """It does not tell its length; ffmpeg finds the cut, and says so, yet ends as if all were well."""
    command: list[str | Path] = [
        ffmpeg,
        "-loglevel",
        "error",
        "-i",
        folder / "reference.wav",
        "-c:a",
        "flac",
        "-f",
        "matroska",
        "-",
    ]
    content = subprocess.run(command, check=True, capture_output=True).stdout
    assert likeness(load_audio(nameless(tmp_path, tmp_path, content))) > 0.99
    cut = nameless(tmp_path, tmp_path, content[: len(content) // 2])
    assert re.match(r"truncated or damaged after 0\.\d s: ffmpeg says: File ended prematurely", refusal(cut))


def test_damage_is_told_in_the_words_of_ffmpeg(make: Make, tmp_path: Path) -> None:
    content = bytearray(make("a.aac", "-f", "adts").read_bytes())
    content[6000:6300] = bytes(300)
    message = refusal(nameless(tmp_path, tmp_path, bytes(content)))
    assert re.match(r"truncated or damaged after \d\.\d s: ffmpeg says: ", message)
    assert "0x" not in message  # no addresses
    assert "\n" not in message


def test_a_film_without_sound(make: Make, tmp_path: Path) -> None:
    path = make("mute.avi", "-f", "lavfi", "-i", "color=size=16x16:duration=0.2", "-map", "1:v", "-c:v", "rawvideo")
    assert refusal(path).startswith("not audio that can be read: ffmpeg says: ")


# --- what is none of our business -------------------------------------------------------------------------------------

DISGUISED = {
    "concat": "ffconcat version 1.0\nfile secret.wav\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:1.5,\nsecret.wav\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>secret.wav</BaseURL></MPD>',
    "html": "<!DOCTYPE html><html><body>" + "<p>The page was not found.</p>\n" * 500,
    "text": "The quick brown fox jumps over the lazy dog.\n" * 300,
    "zeros": "\0" * 9900,
}


@pytest.mark.parametrize("name", ["a.m4a", "a.mp3", "a.au", "a.amr", "a.gsm", "a.wav", "a.raw", "a.m3u8", "%03d.wav"])
@pytest.mark.parametrize("kind", DISGUISED)
def test_no_text_is_sound_and_no_list_opens_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, either: bool, kind: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret.wav").write_bytes(wav_bytes())
    Path("001.wav").write_bytes(wav_bytes())
    for encoding in ("utf-8", "utf-16", "utf-16-le"):
        Path(name).write_bytes(DISGUISED[kind].encode(encoding))
        assert refusal(Path(name)).startswith("not audio that can be read: no known sound format begins with ")


def test_ffmpeg_may_open_nothing_but_this_file(make: Make, tmp_path: Path) -> None:
    """It is told the format, so that it takes nothing for a playlist, and may use no protocol but that of files."""
    fake = tmp_path / "bin" / "ffmpeg"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$0.arguments"; cat > "$0.stdin"\n')
    fake.chmod(0o755)
    environment, before = os.environ["PATH"], nameless(make("a.m4a"), tmp_path)
    os.environ["PATH"] = f"{fake.parent}:{environment}"
    try:
        assert refusal(before) == "holds no samples"  # it gave none, and ended well
    finally:
        os.environ["PATH"] = environment
    arguments = (fake.parent / "ffmpeg.arguments").read_text().split("\n")
    assert arguments[arguments.index("-protocol_whitelist") + 1] == "file"
    assert arguments[arguments.index("-i") + 1] == f"file:{before}"
    assert arguments.index("-f") < arguments.index("-i")
    assert "-xerror" in arguments
    assert (fake.parent / "ffmpeg.stdin").read_bytes() == b""


def test_the_child_ends_with_us(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads a part, or fails, leaves no process behind; and what is not asked for is not decoded."""
    started = []

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    long = make("long.mka", "-af", "aloop=loop=300:size=24000", "-c:a", "flac")
    broken = nameless(tmp_path, tmp_path, make("a.aac", "-f", "adts").read_bytes()[:1000] + bytes(500))
    monkeypatch.setattr(subprocess, "Popen", Popen)
    assert len(load_audio(long, offset=1.0, duration=0.5)) == SAMPLE_RATE // 2
    with pytest.raises(AudioError, match="has no channel 5"):
        load_audio(long, channel=5)
    refusal(broken)
    assert len(started) == 5  # each file that is opened, and once the tracks of the first
    assert all(process.returncode is not None for process in started)
    assert started[0].returncode < 0  # it had more to say


# --- anything at all --------------------------------------------------------------------------------------------------

SEEDS = ("wav", "flac", "opus", "mp3", "sphere", "caf", "a.m4a", "a.aac", "a.avi", "a.mkv")


@pytest.mark.parametrize("kind", SEEDS)
def test_bytes_that_were_changed(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, mutations: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Sound or an AudioError comes of it, by both ways of reading, in bounded time, and nothing on stderr."""
    if kind in KINDS:
        content = encoded(chord(SAMPLE_RATE)[:6000], SAMPLE_RATE, *KINDS[kind])
    else:
        content = request.getfixturevalue("make")(kind, *MADE[kind][0]).read_bytes()
    rng = np.random.default_rng(sum(kind.encode()))
    path = tmp_path / "x"
    for _ in range(mutations // 10):
        changed = bytearray(content)
        for place in rng.integers(0, rng.choice([64, 200, len(content)]), rng.integers(1, 8)):
            changed[place] = rng.choice([0, 1, 127, 255, int(rng.integers(256))])
        path.write_bytes(changed)
        usable(path)
    assert capfd.readouterr().err == ""
