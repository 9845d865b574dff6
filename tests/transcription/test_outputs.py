"""Where results go, what is done already, and what is never overwritten."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import pytest

from asr import files
from asr.errors import OutputError
from asr.formats import FORMATS
from asr.formats.document import Document
from asr.transcript import Segment, Transcript, Word
from asr.transcription import notes, outputs
from asr.transcription.inputs import Recording, find_recordings
from asr.transcription.names import with_own_ids
from asr.transcription.outcomes import Outcome
from asr.transcription.outputs import OutputFolder, Settings

TraceFunction: TypeAlias = Callable[[FrameType, str, Any], Any]


def document(recording: Recording, text: str = "HELLO") -> Document:
    segment = Segment((Word(text, 0.0, 1.0, 0.5),))
    return Document(recording.id, (Transcript((segment,), 2.0, 0.0, recording.name),))


class Runs:
    """Runs over the folder `in` with the folder `out`, both in the current folder. The text of each is its name."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.in_the_way: list[str] = []
        self.renewed = 0
        self.save: AbstractContextManager[object] = nullcontext()  # in which each result is written

    def __call__(
        self, formats: str = "srt", *, settings: str = "A", broken: Sequence[str] = (), **options: bool
    ) -> set[str]:
        """The results that are written."""
        before = contents()
        folder = OutputFolder(Path("out"), Settings(formats.split(","), settings, **options))
        jobs = folder.plan(find_recordings(["in"]).recordings)
        self.in_the_way = [str(path) for job in jobs for path in job.in_the_way]
        self.renewed = sum(job.renews for job in jobs)
        self.problems = []
        for job in jobs:
            name = job.recording.name
            text = f"{settings}:{os.fsencode(name).decode('latin-1')}"
            result = "it is broken" if name in broken else document(job.recording, text)
            with self.save:
                self.problems += folder.save(job, Outcome(job.recording, result))
        now = contents()
        return {name for name in now if before.get(name) != now[name]}


def contents() -> dict[str, tuple[bytes, int]]:
    """What is in `out`, without the notes, and when it was written."""
    files = [path for path in Path("out").rglob("[!.]*") if path.is_file()]
    return {str(path.relative_to("out")): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.chdir(tmp_path)
    return Runs()


def sound(*names: str, size: int = 10) -> None:
    for name in names:
        path = Path("in", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))


# --- names ------------------------------------------------------------------------------------------------------------


def test_the_tree_is_mirrored_and_only_the_last_ending_goes(run: Runs) -> None:
    sound("2024.04.13_talk.part1.wav", "F.O.O..mp3", "a/b/voice.opus", "a/voice.opus")
    assert run() == {"2024.04.13_talk.part1.srt", "F.O.O..srt", "a/b/voice.srt", "a/voice.srt"}
    assert "in/a/b/voice.opus" in Path("out/a/b/voice.srt").read_text()


@pytest.mark.parametrize(("first", "later"), [("talk.wav", "talk.mp3"), ("talk.mp3", "talk.wav")])
def test_a_sibling_that_comes_later_changes_no_name(run: Runs, first: str, later: str) -> None:
    sound(first)
    assert run() == {"talk.srt"}
    sound(later)
    assert run() == {f"{later}.srt"}
    assert f"in/{first}" in Path("out/talk.srt").read_text()
    assert run() == set()
    Path("in", first).unlink()  # its results stay, and keep their name
    assert run() == set()


def test_siblings_that_come_together_get_the_same_names_in_any_order(run: Runs) -> None:
    sound("talk.wav", "talk.mp3", "Talk.ogg", "talk.mp3.wav")
    folder = OutputFolder(Path("out"), Settings(["srt"], "A"))
    recordings = find_recordings(["in"]).recordings
    stems = [
        {job.recording.name: job.note.stem for job in folder.plan(order)} for order in (recordings, recordings[::-1])
    ]
    assert stems[0] == stems[1]
    assert len({stem.casefold() for stem in stems[0].values()}) == 4  # on some disks Talk is talk


def test_equal_names_from_different_places_are_kept_apart(run: Runs) -> None:
    sound("a/talk.wav", "b/talk.wav")
    folder = OutputFolder(Path("out"), Settings(["srt"], "A"))
    jobs = folder.plan(find_recordings(["in/a/talk.wav", "in/b/talk.wav"]).recordings)
    stems = [job.note.stem for job in jobs]
    assert stems[0] == "talk"
    assert stems[1].startswith("talk.wav")
    assert [job.recording.id for job in jobs] == stems


def test_ids_on_stdout_are_unique_and_those_of_the_places(run: Runs) -> None:
    sound("a/talk.wav", "b/talk.wav", "b/talk.mp3")
    recordings = with_own_ids(find_recordings(["in"]).recordings)
    assert {r.name: r.id for r in recordings} == {
        "in/a/talk.wav": "a/talk",
        "in/b/talk.mp3": "b/talk",
        "in/b/talk.wav": "b/talk.wav",
    }


@pytest.mark.parametrize("letter", ["a", "é", "\udcff"])
def test_a_name_of_maximal_length_is_shortened_with_a_digest(run: Runs, letter: str) -> None:
    bytes_of_one = len(os.fsencode(letter))
    names = [letter * (250 // bytes_of_one - 1) + last + ".wav" for last in "xy"]
    try:
        sound(*names, "short.wav")
    except OSError:
        pytest.skip("this disk has no such names")
    formats = ",".join(FORMATS)
    assert len(run(formats)) == 3 * len(FORMATS)
    assert run.problems == []
    assert run(formats) == set()
    assert all(len(os.fsencode(path.name)) <= 255 for path in Path("out").iterdir())


# --- a second run -----------------------------------------------------------------------------------------------------


def test_only_what_lacks_is_made(run: Runs) -> None:
    sound("talk.wav", "b/c.wav")
    assert run("srt") == {"talk.srt", "b/c.srt"}
    assert run("srt,json") == {"talk.json", "b/c.json"}
    assert run("json,srt") == set()
    Path("out/talk.srt").unlink()
    assert run("json,srt") == {"talk.srt"}


@pytest.mark.parametrize("left", [b"", b"WEBVTT\n", b"\n"])
def test_leftovers_of_a_killed_run_do_not_count_as_done(run: Runs, left: bytes) -> None:
    sound("talk.wav")
    assert run("srt") == {"talk.srt"}
    Path("out/talk.vtt").write_bytes(left)
    Path("out/talk.srt").write_bytes(b"")
    assert run("srt,vtt") == {"talk.srt", "talk.vtt"}
    assert run.in_the_way == []
    assert "talk.wav" in Path("out/talk.vtt").read_text()


def test_an_empty_result_is_done_all_the_same(run: Runs) -> None:
    sound("talk.wav")
    folder = OutputFolder(Path("out"), Settings(["srt"], "A"))
    (job,) = folder.plan(find_recordings(["in"]).recordings)
    assert folder.save(job, Outcome(job.recording, Document("talk", (Transcript((), 2.0, 0.0),)))) == []
    assert Path("out/talk.srt").read_bytes() == b""
    assert run() == set()


def test_a_source_that_was_replaced_is_done_again_under_its_name(run: Runs) -> None:
    sound("talk.wav", "b.wav")
    run()
    sound("talk.wav", size=20)
    os.utime("in/b.wav", (1, 1))
    assert run() == {"talk.srt", "b.srt"}
    assert run() == set()


def test_what_failed_is_done_again_and_why_is_written_as_json(run: Runs) -> None:
    sound("talk.wav", "b.wav")
    assert run("srt,json", broken=["in/talk.wav"]) == {"talk.json", "b.srt", "b.json"}
    failure = json.loads(Path("out/talk.json").read_text())
    assert failure == {"version": 2, "id": "talk", "source": "in/talk.wav", "error": "it is broken"}
    assert run("srt,json", broken=["in/talk.wav"]) == {"talk.json"}
    assert run("srt,json") == {"talk.json", "talk.srt"}
    assert run("srt,json") == set()
    sound("talk.wav", size=30)
    run("srt,json", broken=["in/talk.wav"])
    assert run("srt,json") == {"talk.json", "talk.srt"}
    assert run.in_the_way == []


def test_with_another_model_or_settings_all_is_done_anew(run: Runs) -> None:
    sound("talk.wav", "b.wav")
    run("srt,json")
    assert run("srt", settings="B") == {"talk.srt", "b.srt"}
    assert run.renewed == 2
    assert "B:in/talk.wav" in Path("out/talk.srt").read_text()
    assert run("srt,json", settings="B") == {"talk.json", "b.json"}
    assert run("srt,json", settings="B") == set()
    assert run.renewed == 0


def test_both_folders_may_be_moved_together(run: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound("a/talk.wav")
    run()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("in", "out"):
        Path(name).rename(elsewhere / name)
    monkeypatch.chdir(elsewhere)
    assert run() == set()


def test_a_note_that_is_cut_off_costs_only_time(run: Runs) -> None:
    sound("a.wav", "b.wav")
    run()
    listed = Path("out/.asr-transcribed.jsonl")
    listed.write_bytes(listed.read_bytes()[:-20])
    assert run() == {"b.srt"}
    assert run() == set()
    listed.write_bytes(b"".join(listed.read_bytes().splitlines(keepends=True)[:2]) + b"[]\n{}\n3\n")
    assert run() == set()
    assert run.in_the_way == ["out/b.srt"]  # nobody knows any more who has written it
    assert run(overwrite=True) == {"b.srt"}
    assert run() == set()


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


# --- what is not ours -------------------------------------------------------------------------------------------------


def test_a_file_of_the_user_is_not_overwritten_unasked(run: Runs) -> None:
    sound("talk.wav")
    Path("out").mkdir()
    Path("out/talk.txt").write_text("my own notes")
    assert run("txt,srt") == {"talk.srt"}
    assert run.in_the_way == ["out/talk.txt"]
    assert run("txt,srt") == set()
    assert Path("out/talk.txt").read_text() == "my own notes"
    assert run("txt,srt", overwrite=True) == {"talk.txt"}
    assert run("txt,srt") == set()


def test_a_result_that_was_corrected_is_done_and_survives_another_model(run: Runs) -> None:
    sound("talk.wav")
    run()
    Path("out/talk.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\ncorrected\n")
    assert run() == set()
    assert run.in_the_way == []
    assert run(settings="B") == set()
    assert run.in_the_way == ["out/talk.srt"]


def test_results_may_lie_beside_the_recordings(run: Runs) -> None:
    sound("talk.wav")
    Path("out").symlink_to("in")
    assert run("txt,json") == {"talk.txt", "talk.json"}
    assert run("txt,json") == set()


def test_for_windows_formats_for_people_have_its_line_ends_and_a_mark(run: Runs) -> None:
    sound("talk.wav")
    run(",".join(FORMATS), for_windows=True)
    marked = {path.suffix[1:] for path in Path("out").iterdir() if path.read_bytes().startswith(b"\xef\xbb\xbf")}
    assert marked == {"txt", "srt", "vtt", "tsv"}
    for name in marked:
        content = Path(f"out/talk.{name}").read_bytes()
        assert content.count(b"\n") == content.count(b"\r\n") > 0
    assert b"\r" not in Path("out/talk.json").read_bytes()


# --- what cannot be written -------------------------------------------------------------------------------------------


def test_one_format_that_cannot_be_written_does_not_stop_the_others(run: Runs) -> None:
    sound("talk.wav", "b.wav")
    Path("out/talk.srt/inside").mkdir(parents=True)
    assert run("srt,json") == {"talk.json", "b.srt", "b.json"}
    assert run.in_the_way == ["out/talk.srt"]
    assert run("srt,json", overwrite=True) == set()
    (problem,) = run.problems
    assert problem == "out/talk.srt: could not be written (there is a folder of this name)"


def test_a_full_disk_ends_the_run(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    sound("talk.wav")

    def full(path: Path, text: str) -> None:
        raise OutputError(f"{path}: could not be written (No space left on device)") from OSError(28, "No space")

    monkeypatch.setattr("asr.transcription.outputs.write_text", full)
    with pytest.raises(OutputError, match="No space left on device"):
        run()


def test_an_output_folder_that_is_none(run: Runs, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="is not a folder, and the results need one"):
            OutputFolder(folder, Settings(["srt"], "A"))
    with pytest.raises(OutputError, match="no results can be written here"):
        OutputFolder(Path("/proc/asr"), Settings(["srt"], "A"))
