"""What the arguments of `asr transcribe` mean."""

import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from asr.errors import AudioError, ModelError
from asr.transcription.folders import is_recording
from asr.transcription.inputs import Found, find_recordings
from asr.transcription.models import split_arguments
from tests.support.command_line import written


@pytest.fixture
def tree(tmp_path: Path, wav: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `in`, in the current folder, with recordings and much else."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "in"
    for name in ("talk.wav", "b/talk.wav", "b/no ending", "Set [FLAC]/talk [mp3].wav", "empty.mp3"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(wav, root / name)
    (root / "empty.mp3").write_bytes(b"")
    (root / "._talk.wav").write_bytes(bytes(4096))
    (root / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (root / "cover.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    (root / "MAC addresses.txt").write_text("MAC as Monkey's Audio begins")
    (root / "b" / "notes").write_text("no sound")
    (root / "loop").symlink_to(".")
    (root / "again.wav").symlink_to("talk.wav")
    os.mkfifo(root / "pipe.wav")
    return root


def names(found: Found) -> list[str]:
    return [recording.name for recording in found.recordings]


def places(found: Found) -> list[str]:
    return [recording.place.as_posix() + recording.suffix for recording in found.recordings]


ALL = ["Set [FLAC]/talk [mp3].wav", "b/no ending", "b/talk.wav", "empty.mp3", "talk.wav"]


def test_a_folder_with_all_below_it_each_file_once(tree: Path) -> None:
    found = find_recordings(["in"])
    assert places(found) == ALL
    assert names(found) == [f"in/{place}" for place in ALL]
    assert found.problems == []
    assert found.passed_over == {"hidden": 2, "links": 2, ".jpg": 1, ".txt": 1, "notes": 1, ".wav": 1}
    assert not found.is_single


def test_links_out_of_the_folder_are_followed_once(tree: Path, tmp_path: Path, wav: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(wav, elsewhere / "far.wav")
    (elsewhere / "back").symlink_to(tree)
    (elsewhere / "self").symlink_to(elsewhere)
    (tree / "c").symlink_to(elsewhere)
    (tree / "d").symlink_to(elsewhere)
    (tree / "up").symlink_to(tmp_path)
    assert sorted(places(find_recordings(["in"]))) == sorted([*ALL, "c/far.wav"])


def test_the_same_file_by_several_names_is_one_recording(tree: Path) -> None:
    assert names(find_recordings(["in/talk.wav", "in/b/../talk.wav", "in/again.wav", "in"])) == [
        "in/talk.wav",
        *(f"in/{place}" for place in ALL[:-1]),
    ]


def test_a_name_that_exists_is_taken_literally_and_else_as_a_pattern(tree: Path) -> None:
    literal = find_recordings(["in/Set [FLAC]/talk [mp3].wav"])
    assert (places(literal), literal.is_single) == (["talk [mp3].wav"], True)
    assert places(find_recordings(["in/Set [FLAC]"])) == ["talk [mp3].wav"]
    assert places(find_recordings(["in/*.mp3"])) == ["empty.mp3"]
    assert places(find_recordings(["in/**/*.wav"])) == [
        "Set [FLAC]/talk [mp3].wav",
        "b/talk.wav",
        "pipe.wav",
        "talk.wav",
    ]
    assert places(find_recordings(["in/b*"])) == ["b/no ending", "b/talk.wav"]
    (problem,) = find_recordings(["in/*.flac"]).problems
    assert problem.startswith("in/*.flac: no file has such a name")


def test_an_address_is_none_of_ours(tree: Path) -> None:
    (problem,) = find_recordings(["https://example.org/talk*.mp3"]).problems
    assert problem == "https://example.org/talk*.mp3: is an address, not a file; download it, and give the file"


def test_a_missing_file_stays_to_be_reported_as_such(tree: Path) -> None:
    assert names(find_recordings(["gone.wav"])) == ["gone.wav"]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\0"])
def test_a_list_holds_names_as_they_are(tree: Path, tmp_path: Path, ends: str) -> None:
    listed = ["in/Set [FLAC]/talk [mp3].wav", "in/b", "", f"{tree}/talk.wav", "../x/in/*.wav"]
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbf" + ends.join(listed).encode())
    found = find_recordings([], tmp_path / "list")
    assert places(found) == [
        "in/Set [FLAC]/talk [mp3].wav",
        "in/b/no ending",
        "in/b/talk.wav",
        f"{tree}/talk.wav"[1:],
        "x/in/*.wav",
    ]


def test_a_list_may_come_from_stdin_with_any_bytes(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\xff.wav\0in/talk.wav\0")))
    assert names(find_recordings([], Path("-"))) == ["a\nb\udcff.wav", "in/talk.wav"]


def test_an_empty_list(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="the list is empty"):
        find_recordings([], written(tmp_path / "list", ""))
    with pytest.raises(AudioError, match="no such file"):
        find_recordings([], tmp_path / "gone")


def test_a_manifest_gives_parts_named_by_their_ids(tree: Path) -> None:
    lines = [
        {"audio_filepath": "talk.wav", "duration": 2, "text": ""},
        {"audio_filepath": "talk.wav", "duration": 0.5, "text": "", "offset": 0.5},
        {"audio_filepath": "b/talk.wav", "duration": 2, "text": "", "id": "2024.04.13/../b"},
        {"audio_filepath": "talk.wav", "duration": 2, "text": "", "id": "right", "channel_selector": 1},
        {"audio_filepath": "a\0.wav", "duration": 2, "text": "", "id": "x"},
        "{",
    ]
    (tree / "m.jsonl").write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    found = find_recordings(["in/m.jsonl"])
    assert places(found) == ["talk", "talk-00000500", "2024.04.13/b", "right"]
    assert [recording.id for recording in found.recordings][2] == "2024.04.13/../b"
    assert [recording.part is not None for recording in found.recordings] == [False, True, False, True]
    assert [problem[:20] for problem in found.problems] == ["in/m.jsonl, line 5: ", "in/m.jsonl, line 6: "]


def test_stdin(tree: Path) -> None:
    (recording,) = find_recordings(["-"]).recordings
    assert (recording.name, recording.id, str(recording.place), recording.path) == ("stdin", "stdin", "stdin", None)
    assert find_recordings(["-"]).is_single


def test_a_folder_without_recordings_is_a_problem(tmp_path: Path) -> None:
    (problem,) = find_recordings([str(tmp_path)]).problems
    assert problem == f"{tmp_path}: there are no recordings in this folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read(tree: Path) -> None:
    (tree / "b").chmod(0)
    found = find_recordings(["in"])
    (tree / "b").chmod(0o700)
    assert found.problems == ["in/b: the folder cannot be read (Permission denied)"]
    assert "talk.wav" in places(found)


def test_recordings_are_not_looked_for_in_a_model_folder(tree: Path, model_folder: Path) -> None:
    shutil.copytree(model_folder, tree / "model")
    shutil.copy(tree / "talk.wav", tree / "model" / "trained on.wav")
    found = find_recordings(["in"])
    assert places(found) == ALL
    assert found.passed_over["model folders"] == 1
    (problem,) = find_recordings(["in/model"]).problems
    assert "is a model folder" in problem


def test_what_is_a_recording_is_told_by_its_ending_or_its_first_bytes(tree: Path) -> None:
    for name in ("a.WAV", "a.mp4", "a.opus", "a.m4a"):
        assert is_recording(tree / name)  # even if it is broken, as that has to be said
    assert is_recording(tree / "b" / "no ending")
    for name in ("cover.jpg", "MAC addresses.txt", "b/notes", "gone"):
        assert not is_recording(tree / name)


# --- the model --------------------------------------------------------------------------------------------------------


def test_the_first_argument_is_the_model_unless_it_is_given_as_such(model_folder: Path) -> None:
    here = (model_folder, model_folder)
    assert split_arguments([str(model_folder), "a.wav"], None) == (*here, ["a.wav"])
    assert split_arguments(["a.wav", "b.wav"], str(model_folder)) == (*here, ["a.wav", "b.wav"])
    assert split_arguments([str(model_folder)], model_folder) == (*here, [str(model_folder)])
    assert split_arguments([], model_folder) == (*here, [])


def test_a_model_may_be_named_or_left_out_if_one_is_installed(
    models_home: Path, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    for name in ("english", "welsh"):
        shutil.copytree(model_folder, models_home / name)
    english, welsh = ((models_home / name, models_home / name) for name in ("english", "welsh"))
    assert split_arguments(["welsh", "a.wav"], None) == (*welsh, ["a.wav"])
    assert split_arguments(["a.wav"], "welsh") == (*welsh, ["a.wav"])
    assert split_arguments([str(model_folder), "a.wav"], None) == (model_folder, model_folder, ["a.wav"])
    for recordings in (["a.wav", "welsh"], [str(wav)], [str(tmp_path), "-"], [], ["talk*.wav"]):
        assert split_arguments(recordings, None) == (*english, recordings)


def test_the_folder_of_a_training_has_its_model_within(model_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(model_folder, run / "model")
    assert split_arguments([str(run), "a.wav"], None) == (run, run / "model", ["a.wav"])
    assert split_arguments(["a.wav"], run) == (run, run / "model", ["a.wav"])


def test_a_model_that_is_being_saved_is_one(model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "model" / ".complete")
    assert split_arguments([str(tmp_path / "model"), "a"], None).model == tmp_path / "model"


def test_without_a_model_it_is_said_what_was_found(models_home: Path, wav: Path, tmp_path: Path) -> None:
    for arguments, model, found in (
        ([str(wav), "b.wav"], None, f"{wav}: is a file; expected a model folder"),
        ([str(tmp_path), "b.wav"], None, f"{tmp_path}: is a folder without a model"),
        (["gone", "b.wav"], None, "gone: no such model folder"),
        (["b.wav"], tmp_path, f"{tmp_path}: is a folder without a model"),
        ([], None, "no model is given, and there is none to take unasked (none is installed"),
    ):
        with pytest.raises(ModelError) as caught:
            split_arguments(arguments, model)
        assert str(caught.value).startswith(found)
