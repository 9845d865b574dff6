"""A run into a folder that is stopped or killed, wherever it is, and the run after it."""

import shutil
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import pytest

from asr import files
from asr.transcription import notes, outputs
from tests.support.output_runs import Runs, contents, sound

TraceFunction: TypeAlias = Callable[[FrameType, str, Any], Any]


@pytest.mark.parametrize("earlier", [None, "B"])
@pytest.mark.parametrize("end", [KeyboardInterrupt, None], ids=["Ctrl-C", "kill"])
def test_wherever_a_run_ends_the_next_one_knows_what_is_ours(
    end: type[BaseException] | None, earlier: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before each line of what writes results, where there were none or those of another model."""
    num_lines = 100
    for number in range(1000):
        monkeypatch.chdir(fresh(tmp_path / str(number)))
        run = Runs()
        sound("talk.wav")
        if earlier is not None:
            run("srt,json", settings=earlier)
        run.save = stopped = Stopped(number, end)
        with suppress(KeyboardInterrupt):
            run("srt,json")
        if not stopped.is_reached:
            num_lines = number
            break
        if end is None:
            monkeypatch.chdir(stopped.copy)
        run.save = nullcontext()
        run("srt,json")
        assert (run.in_the_way, run.problems) == ([], [])
        assert {name: b"A:in/talk.wav" in content for name, (content, _) in contents().items()} == {
            "talk.srt": True,
            "talk.json": True,
        }
        assert run("srt,json") == set()
    assert 30 < num_lines < 1000


class Stopped:
    """While it is entered, the line with this number of what writes results raises `end`; or the current folder is
    copied before it, as a killed program would leave it."""

    def __init__(self, number: int, end: type[BaseException] | None) -> None:
        self._number, self._end = number, end
        self.copy = Path.cwd().with_suffix(".copy")

    @property
    def is_reached(self) -> bool:
        return self._number < 0

    def __enter__(self) -> None:
        sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: object) -> TraceFunction | None:
        if frame.f_code.co_filename not in (outputs.__file__, notes.__file__, files.__file__):
            return None
        if event == "line":
            if self._number == 0:
                self._number -= 1
                if self._end is not None:
                    raise self._end
                shutil.copytree(Path.cwd(), self.copy)
            self._number -= self._number > 0
        return self._trace


def fresh(folder: Path) -> Path:
    folder.mkdir()
    return folder
