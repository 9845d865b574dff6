"""Where results go, what is done already, and what is never overwritten."""

import json
import os
from pathlib import Path

import pytest

from asr.errors import OutputError
from asr.formats import FORMATS
from asr.formats.document import Document
from asr.transcript import Transcript
from asr.transcription.inputs import find_recordings
from asr.transcription.names import with_own_ids
from asr.transcription.outcomes import Outcome
from asr.transcription.outputs import OutputFolder, Settings
from tests.support.output_runs import Runs, sound


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.chdir(tmp_path)
    return Runs()


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
