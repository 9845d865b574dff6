"""What is finished of a long recording survives the end of a run, and is used only if it fits."""

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.errors import AsrWarning, OutputError
from asr.longform import pipeline
from asr.transcription import unfinished
from asr.transcription.inputs import find_recordings
from asr.transcription.outputs import OutputFolder, Settings
from asr.transcription.progress import Progress
from asr.transcription.run import Tally, into_folder
from tests.support.toy_engine import ToyEngine, say, silence, toy_recognizer

RATE = 16_000


@pytest.fixture(autouse=True)
def small_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute and a half stands for hours."""
    monkeypatch.setattr(unfinished, "_EVERY", 5.0)
    monkeypatch.setattr(pipeline, "_POOL_SECONDS", 10.0)
    monkeypatch.setattr(pipeline, "_AHEAD_SECONDS", 8.0)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Two channels of 80 s."""
    part = np.concatenate([say("HELLO WORLD " * 4), silence(1), say("NO NO NO "), silence(9)])[: 16 * RATE]
    other = np.concatenate([silence(3), say("YES "), silence(6), say("NO "), silence(9)])[: 16 * RATE]
    path = tmp_path / "in" / "talk.wav"
    path.parent.mkdir()
    soundfile.write(path, np.tile(np.stack([part, other], axis=1), (5, 1)), RATE)
    return path


class Stops(Progress):
    """As if Ctrl-C were pressed after so many passages."""

    def __init__(self, number: int) -> None:
        super().__init__([], 0)
        self._number = number

    def advance(self, *news: object) -> None:
        self._number -= 1
        if self._number < 0:
            raise KeyboardInterrupt


def run(talk: Path, out: Path, *, settings: str = "model", stop_after: int = 10**6) -> float:
    """The seconds of sound that were recognised."""
    folder = OutputFolder(out, Settings(["json"], settings))
    recognizer = toy_recognizer()
    jobs = folder.plan(find_recordings([str(talk)]).recordings)
    with suppress(KeyboardInterrupt):
        into_folder(recognizer, folder, jobs, Tally(), channels="each", progress=Stops(stop_after))
    assert isinstance(recognizer.engine, ToyEngine)
    return sum(map(sum, recognizer.engine.batches)) / RATE


def test_a_run_that_was_stopped_goes_on_with_the_same_result(talk: Path, tmp_path: Path) -> None:
    everything = run(talk, tmp_path / "whole")
    assert not (tmp_path / "whole" / "talk.unfinished").exists()
    expected = (tmp_path / "whole" / "talk.json").read_text()
    for number in (4, 16):  # in the first channel, and in the second
        out = tmp_path / str(number)
        run(talk, out, stop_after=number)
        assert {path.name for path in out.iterdir()} == {"talk.unfinished"}
        with pytest.warns(AsrWarning, match=r"talk\.unfinished: the run that was stopped goes on after 0:\d\d:\d\d"):
            rest = run(talk, out)
        assert rest < everything
        assert (out / "talk.json").read_text() == expected
        assert not (out / "talk.unfinished").exists()


def changed(talk: Path, out: Path) -> str:
    os.utime(talk, ns=(0, 12345))
    return "the recording has changed since"


def other_version(talk: Path, out: Path) -> str:
    path = out / "talk.unfinished"
    first, rest = path.read_text().split("\n", 1)
    path.write_text(json.dumps({**json.loads(first), "asr": "0.0.1"}) + "\n" + rest)
    return "it was made with another version of asr"


@pytest.mark.parametrize("change", [changed, other_version, None])
def test_what_does_not_fit_is_not_used_and_that_is_said(
    talk: Path, tmp_path: Path, change: Callable[[Path, Path], str] | None
) -> None:
    out = tmp_path / "out"
    run(talk, out, stop_after=14)
    reason = change(talk, out) if change else "it was made with another model or other settings"
    with pytest.warns(AsrWarning, match=f"stopped after .*, and is not used: {reason}"):
        rest = run(talk, out, settings="model" if change else "another")
    assert rest == run(talk, tmp_path / "again", settings="other")
    assert (out / "talk.json").read_text() == (tmp_path / "again" / "talk.json").read_text()
    assert not (out / "talk.unfinished").exists()


@pytest.mark.parametrize("left", [b"half a line", b'{"channel": 1, "start": 3}'])
def test_half_a_line_of_a_killed_run_is_left_out(talk: Path, tmp_path: Path, left: bytes) -> None:
    out = tmp_path / "out"
    run(talk, out, stop_after=14)
    with (out / "talk.unfinished").open("ab") as file:
        file.write(left)
    with pytest.warns(AsrWarning, match="goes on"):
        run(talk, out, stop_after=3)
    with pytest.warns(AsrWarning, match="goes on"):
        run(talk, out)
    run(talk, tmp_path / "whole")
    assert (out / "talk.json").read_text() == (tmp_path / "whole" / "talk.json").read_text()


@pytest.mark.parametrize("content", [b"my notes\n", b"\xff\x00", b'{"size": 3}\n'])
def test_a_file_of_somebody_else_is_kept(talk: Path, tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "talk.unfinished").write_bytes(content)
    with pytest.warns(AsrWarning, match="was not written by asr and stays"):
        run(talk, out)
    assert (out / "talk.unfinished").read_bytes() == content
    assert (out / "talk.json").exists()


def test_of_a_recording_with_a_name_of_maximal_length_too(talk: Path, tmp_path: Path) -> None:
    long = talk.rename(talk.with_name("a" * 251 + ".wav"))
    out = tmp_path / "out"
    run(long, out, stop_after=14)
    (left,) = out.iterdir()
    assert left.suffix == ".unfinished"
    with pytest.warns(AsrWarning, match="goes on after"):
        run(long, out)
    assert {path.suffix for path in out.iterdir()} == {".json", ".jsonl"}


def test_where_nothing_can_be_kept_the_run_goes_on(talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But not on a full disk, where the result will not fit either."""

    def refused(path: Path, text: str) -> None:
        raise OutputError(f"{path}: no") from OSError(number[0], "no")

    number = [errno.EACCES]
    monkeypatch.setattr(unfinished, "append_text", refused)
    run(talk, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "talk.json").read_text())["text"]
    number[0] = errno.ENOSPC
    with pytest.raises(OutputError, match="no"):
        run(talk, tmp_path / "full")


def test_a_short_recording_leaves_nothing(talk: Path, tmp_path: Path) -> None:
    soundfile.write(talk, np.concatenate([say("HELLO"), silence(1)] * 2), RATE)
    run(talk, tmp_path / "out", stop_after=1)
    assert list((tmp_path / "out").iterdir()) == []
