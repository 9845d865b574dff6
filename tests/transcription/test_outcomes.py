"""Recordings of every kind give what the recogniser gives for their sound."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.errors import OutputError
from asr.formats.document import Document
from asr.transcript import Transcript
from asr.transcription.inputs import find_recordings
from asr.transcription.outcomes import outcomes_of
from asr.transcription.run import Tally, as_lines
from tests.support.talkative import sound, talkative

RECOGNIZER = talkative()
LEFT, RIGHT = sound(24_000, 1), sound(24_000, 2)


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([LEFT, RIGHT], axis=1), 16_000, subtype="FLOAT")
    return path


def only(document: Document | str) -> Transcript:
    assert isinstance(document, Document)
    (transcript,) = document.channels
    return transcript


def assert_equal(found: Transcript, expected: Transcript) -> None:
    """But for rounding, which depends on what else is in a batch."""
    for word, same in zip(found.words, expected.words, strict=True):
        assert replace(word, confidence=0.0) == replace(same, confidence=0.0)
        assert word.confidence == pytest.approx(same.confidence, abs=1e-3)


def test_pipes_and_parts_as_the_file(stereo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(stereo.read_bytes()))
    writer.start()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stereo.read_bytes())))
    part = {
        "audio_filepath": "stereo.wav",
        "duration": 0.75,
        "text": "",
        "offset": 0.5,
        "channel_selector": 1,
        "id": "part",
    }
    (tmp_path / "m.jsonl").write_text(json.dumps(part))
    found = find_recordings([str(stereo), str(fifo), "-", str(tmp_path / "m.jsonl")])
    results = {o.recording.id: only(o.result) for o in outcomes_of(RECOGNIZER, found.recordings)}
    writer.join()
    assert [transcript.source for transcript in results.values()] == [str(stereo), str(fifo), "stdin", str(stereo)]
    assert len(results["stereo"].text) > 10
    for other in ("fifo", "stdin"):
        assert_equal(results[other], results["stereo"])
        assert results[other].duration == 1.5
    assert_equal(results["part"], RECOGNIZER.transcribe(RIGHT[8000:20_000]))
    assert results["part"].duration == 0.75


@pytest.mark.parametrize("name", ["a.wav", "unknown length.wav", "a.mp3", "a.ogg", "a.flac", "a.m4a"])
def test_what_comes_through_a_pipe_is_as_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, ffmpeg: str
) -> None:
    file = tmp_path / name
    soundfile.write(tmp_path / "a.wav", sound(40_000), 16_000)
    if name == "unknown length.wav":  # as sox and ffmpeg write it into a pipe
        content = bytearray((tmp_path / "a.wav").read_bytes())
        content[4:8] = content[40:44] = b"\xff" * 4
        file.write_bytes(content)
    elif name != "a.wav":
        command = [ffmpeg, "-nostdin", "-loglevel", "error", "-i", str(tmp_path / "a.wav"), str(file)]
        subprocess.run(command, check=True)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    piped, named = (
        only(outcome.result) for outcome in outcomes_of(RECOGNIZER, find_recordings(["-", str(file)]).recordings)
    )
    assert (piped.source, len(named.text) > 10) == ("stdin", True)
    assert replace(piped, source=str(file), score=0.0, segments=()) == replace(named, score=0.0, segments=())
    assert_equal(piped, named)
    assert named.duration == pytest.approx(2.5, abs=0.1)


def test_channels(stereo: Path) -> None:
    def texts(channels: object) -> list[tuple[int, str]]:
        (outcome,) = outcomes_of(RECOGNIZER, find_recordings([str(stereo)]).recordings, channels=channels)  # type: ignore[arg-type]
        assert isinstance(outcome.result, Document), outcome.result
        return [(transcript.channel, transcript.text) for transcript in outcome.result.channels]

    left, right = RECOGNIZER.transcribe(LEFT).text, RECOGNIZER.transcribe(RIGHT).text
    assert texts("mix") == [(1, RECOGNIZER.transcribe((LEFT + RIGHT) / 2).text)]
    assert texts("each") == [(1, left), (2, right)]
    assert texts(2) == [(2, right)]
    (outcome,) = outcomes_of(RECOGNIZER, find_recordings([str(stereo)]).recordings, channels=3)
    assert isinstance(outcome.result, str)
    assert "has no channel" in outcome.result


def test_what_cannot_be_read_is_told_by_the_name_that_was_given(
    stereo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.jsonl").write_text('{"audio_filepath": "gone.wav", "duration": 1, "text": "", "offset": 1}')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    found = find_recordings([str(tmp_path / "m.jsonl"), "-", str(tmp_path / "gone"), str(stereo)])
    results = {outcome.recording.name: outcome.result for outcome in outcomes_of(RECOGNIZER, found.recordings)}
    assert results.pop(str(stereo)) is not None
    assert results == {
        f"{tmp_path}/gone.wav": f"{tmp_path}/gone.wav: no such file",
        "stdin": "stdin: the file is empty (0 bytes)",
        f"{tmp_path}/gone": f"{tmp_path}/gone: no such file",
    }


def test_a_terminal_is_no_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    (outcome,) = outcomes_of(RECOGNIZER, find_recordings(["-"]).recordings)
    assert outcome.result == "stdin: is a terminal, expected a recording from a pipe or a file"


def test_temporary_files_are_removed(stereo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "tmp"
    kept.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(kept))
    monkeypatch.setattr("asr.longform.pipeline._POOL_SECONDS", 0.3)  # of sound that is read ahead, in two pools
    lines = [{"audio_filepath": "stereo.wav", "duration": 0.2, "text": "", "offset": i / 20} for i in range(20)]
    (tmp_path / "m.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    found = find_recordings([str(tmp_path / "m.jsonl")])
    most = max(len(list(kept.glob("*/*"))) for _ in outcomes_of(RECOGNIZER, found.recordings))
    assert most <= 6
    assert list(kept.iterdir()) == []


def test_no_room_for_a_pipe(stereo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Full()))
    with pytest.raises(OutputError, match=r"stdin: cannot be kept in .* \(No space left on device\); TMPDIR"):
        list(outcomes_of(RECOGNIZER, find_recordings(["-"]).recordings))


# --- lines on stdout --------------------------------------------------------------------------------------------------


def test_lines_are_in_the_order_of_the_recordings_though_they_are_ready_in_another(
    stereo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "bca":
        shutil.copy(stereo, tmp_path / f"{name}.wav")
    (tmp_path / "a.wav").write_bytes(b"")
    from asr.transcription import run

    found = find_recordings([str(tmp_path / f"{name}.wav") for name in "bca"])
    monkeypatch.setattr(run, "outcomes_of", lambda *a, **k: iter(list(outcomes_of(*a, **k))[::-1]))

    def lines(format: str, tally: Tally) -> list[str]:
        written = as_lines(RECOGNIZER, found.recordings, format, tally, channels="mix", with_names=str)
        return [line for text in written for line in text.splitlines()]

    tally = Tally()
    assert [line.split("\t")[0] for line in lines("txt", tally)] == [f"{tmp_path}/{name}.wav" for name in "bc"]
    assert (tally.num_done, tally.problems) == (2, [f"{tmp_path}/a.wav: the file is empty (0 bytes)"])
