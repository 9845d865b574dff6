"""`asr transcribe` when something goes wrong: the rest is done, and what is wrong is named."""

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from asr.formats import FORMATS
from tests.support.command_line import Refusal, RunAsr, files, written
from tests.support.talkative import sound

RATE = 16_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six recordings of 1 to 6 s."""
    folder = tmp_path / "in"
    folder.mkdir()
    for seconds in range(1, 7):
        soundfile.write(folder / f"{seconds}.wav", sound(seconds * RATE, seed=seconds), RATE)
    return folder


def test_of_eight_files_two_are_broken(
    asr: RunAsr, model_folder: Path, folder: Path, tmp_path: Path, ffmpeg: str
) -> None:
    """The longest is a FLAC cut at 90 %, and one a film without a sound track."""
    soundfile.write(folder / "cut.flac", sound(20 * RATE), RATE)
    os.truncate(folder / "cut.flac", round(0.9 * (folder / "cut.flac").stat().st_size))
    picture = ["-f", "lavfi", "-i", "color=size=16x16:duration=0.2", "-c:v", "mpeg4"]
    subprocess.run([ffmpeg, "-nostdin", "-loglevel", "error", *picture, folder / "mute.mp4"], check=True)
    alone = {name: asr("transcribe", model_folder, folder / name).out for name in (f"{n}.wav" for n in range(1, 7))}
    together = asr("transcribe", model_folder, folder)
    assert together.code == 1
    assert together.out == "".join(f"{folder}/{name}\t{' '.join(text.split())}\n" for name, text in alone.items())
    cut, mute = together.err.splitlines()
    assert cut == (
        f"asr: {folder}/cut.flac: truncated or damaged after 17.9 s: flac decoder lost sync; get the whole file"
    )
    assert mute.startswith(f"asr: {folder}/mute.mp4: not audio")
    out = tmp_path / "out"
    assert asr("transcribe", model_folder, folder, "--output", out, "--format", "txt,json").code == 1
    assert {name: (out / name.replace(".wav", ".txt")).read_text() for name in alone} == alone
    assert "truncated" in json.loads((out / "cut.json").read_text())["error"]


def test_where_nothing_is_said_every_format_is_written(asr: RunAsr, model_folder: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), RATE)
    out = tmp_path / "out"
    arguments = ["transcribe", model_folder, tmp_path / "a.wav", "--output", out, "--format", ",".join(FORMATS)]
    result = asr(*arguments)
    assert (result.code, result.err) == (0, f"[1/1] {tmp_path}/a.wav: 0.5 s\n")
    sizes = {path.suffix[1:]: path.stat().st_size for path in out.glob("a.*")}
    assert {name for name, size in sizes.items() if not size} == {"srt", "ctm", "stm"}
    assert sizes.keys() == FORMATS.keys()
    assert asr(*arguments).err == "asr: done already: 1 of 1 recordings\n"


@pytest.mark.parametrize("what", ["results", "notes"])
def test_a_disk_that_is_full_ends_the_run_and_what_was_written_stays(
    asr: RunAsr, model_folder: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """There is room for two results, and two notes of each: one before it, one after."""
    out = tmp_path / "out"
    room = [3 if what == "results" else 5]

    def use(path: Path, taken: bool) -> None:
        room[0] -= taken
        if room[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    write_bytes, open_file = Path.write_bytes, Path.open

    def write(path: Path, content: bytes) -> int:
        use(path, what == "results" and path.parent == out)
        return write_bytes(path, content)

    def opened(path: Path, *arguments: Any, **more: Any) -> Any:
        use(path, what == "notes" and arguments[:1] == ("ab",))
        return open_file(path, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", write)
        patched.setattr(Path, "open", opened)
        full = asr("transcribe", model_folder, folder, "--output", out)
    assert full.code == 1
    assert full.err.splitlines()[:2] == [f"[{n}/6] {folder}/{n}.wav: {n}.0 s" for n in (1, 2)]
    (last,) = full.err.splitlines()[2:]
    assert last.startswith(f"asr: {out}/")
    assert "could not be written (No space left on device); what is done is kept, and the same command goes on" in last
    assert files(out) == {"1.txt", "2.txt"}
    assert all(path.read_text().strip() for path in out.glob("*.txt"))
    rest = asr("transcribe", model_folder, folder, "--output", out)
    assert (rest.code, rest.err.splitlines()[:2]) == (
        0,
        ["asr: done already: 2 of 6 recordings", f"[3/6] {folder}/3.wav: 3.0 s"],
    )
    assert files(out) == {f"{n}.txt" for n in range(1, 7)}


def test_a_place_below_the_output_that_cannot_be_written(
    asr: RunAsr, model_folder: Path, folder: Path, tmp_path: Path
) -> None:
    (folder / "sub").mkdir()
    shutil.move(folder / "2.wav", folder / "sub")
    (tmp_path / "out").mkdir()
    written(tmp_path / "out" / "sub", "a file where a folder should be")
    result = asr("transcribe", model_folder, folder, "--output", tmp_path / "out")
    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        f"asr: {tmp_path}/out/sub/.asr-transcribed.jsonl: could not be written: one of the folders above it is a file"
    )
    assert files(tmp_path / "out") == {"sub", *(f"{n}.txt" for n in (1, 3, 4, 5, 6))}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours(refusal: Refusal, model_folder: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    assert refusal("transcribe", model_folder, folder, "--output", out) == (
        f"{out}: no results can be written here (Permission denied)"
    )
