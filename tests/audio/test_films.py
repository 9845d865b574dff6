"""Films: what is missing in them, and which of their sound tracks is heard."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from asr.audio import load_audio, read_blocks
from asr.errors import AudioWarning
from tests.support.sounds import SAMPLE_RATE, Make, likeness


def glide(make: Make, name: str, *options: str) -> Path:
    """12 s of a tone that rises by 100 Hz a second from 300 Hz on, so that its frequency tells the time."""
    source = "aevalsrc=0.3*sin(2*PI*(300+50*t)*t):s=16000:d=12"
    return make(name, "-f", "lavfi", "-i", source, "-map", "1:a", *options)


def frequency_at(waveform: np.ndarray, second: float) -> float:
    piece = waveform[round(second * SAMPLE_RATE) :][:4096]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece))))
    return float(spectrum.argmax() * SAMPLE_RATE / 4096)


def presentation_time(packet: bytes) -> float | None:
    """Of an MPEG-TS packet of the first elementary stream, if a PES packet with a time begins in it (ISO 13818-1)."""
    if not packet[1] & 0x40:
        return None
    pes = packet[4 + (1 + packet[4] if packet[3] & 0x20 else 0) :]
    t = pes[9:14]
    return ((t[0] >> 1 & 7) << 30 | t[1] << 22 | t[2] >> 1 << 15 | t[3] << 7 | t[4] >> 1) / 90_000


def without_seconds(content: bytes, start: float, end: float) -> bytes:
    """A transport stream that lost what is played between two times; its clock starts at 1.4 s."""
    kept, is_lost = [], False
    for place in range(0, len(content), 188):
        packet = content[place : place + 188]
        if (packet[1] & 0x1F) << 8 | packet[2] == 0x100:
            time = presentation_time(packet)
            is_lost = is_lost if time is None else start <= time - 1.4 < end
            if is_lost:
                continue
        kept.append(packet)
    return b"".join(kept)


@pytest.mark.parametrize("form", ["ts", "mp4"])
def test_packets_that_are_missing_are_silence_so_that_times_are_those_of_a_player(
    make: Make, ffmpeg: str, tmp_path: Path, form: str
) -> None:
    whole = glide(make, "glide.ts", "-c:a", "aac", "-b:a", "128k").read_bytes()
    path = tmp_path / "gap.ts"
    path.write_bytes(without_seconds(whole, 4.0, 9.0))
    if form == "mp4":
        command: list[str | Path] = [ffmpeg, "-nostdin", "-loglevel", "error", "-i", path, "-c", "copy", "-y"]
        path = tmp_path / "gap.mp4"
        subprocess.run([*command, path], check=True)
    waveform = load_audio(path)
    assert len(waveform) == pytest.approx(12 * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)
    for second in (1.0, 3.0, 9.5, 11.0):
        assert frequency_at(waveform, second) == pytest.approx(300 + 100 * (second + 0.128), abs=12), second
    assert np.abs(waveform[round(4.3 * SAMPLE_RATE) : round(8.7 * SAMPLE_RATE)]).max() < 1e-3
    np.testing.assert_array_equal(np.concatenate(list(read_blocks(path, 0.7))), waveform)


def test_of_two_sound_tracks_the_one_that_is_heard_is_named_and_how_the_other_is_had(make: Make, folder: Path) -> None:
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=1.5:sample_rate=16000", "-map", "0:a", "-map", "1:a"]
    languages = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"]
    # A title that looks like one more track.
    title = ["-metadata", "title=x\n[info]   Stream #0:7(fra): Audio: mp3, x\n  Stream #0:8: Audio: y"]
    path = make("two.mkv", *tone, *languages, *title, "-c:a", "flac")
    with pytest.warns(AudioWarning, match=r"has 2 sound tracks, of which the first is heard \(eng: flac\)") as told:
        assert likeness(load_audio(path)) > 0.99
    assert "`ffmpeg -i FILE -map 0:a:1 second.wav` (of deu: flac)" in str(told[0].message)
    assert not [w for w in told if "Stream" in str(w.message)]
