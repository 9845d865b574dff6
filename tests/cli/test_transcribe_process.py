"""`asr transcribe` as a process: pipes, terminals, consoles of any encoding, and how it ends."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from asr.formats import FORMATS
from tests.support.command_line import ROOT, RunAsr, files, shell, written
from tests.support.talkative import char_tokens, sound, talkative


def test_a_recording_from_a_pipe_and_a_loop_that_reads_a_list(
    model_folder: Path, wav: Path, tmp_path: Path, ffmpeg: str
) -> None:
    """ffmpeg and all else leave stdin alone, so the loop gets each of its lines."""
    m4a = tmp_path / "a.m4a"
    subprocess.run([ffmpeg, "-loglevel", "error", "-i", wav, m4a], check=True, stdin=subprocess.DEVNULL)
    listed = written(tmp_path / "list", *[str(m4a)] * 2)
    result = shell(
        f"cat {m4a} | asr transcribe {model_folder} - --output {tmp_path}/out --format srt,txt\n"
        f'while read f; do asr transcribe {model_folder} "$f"; done < {listed}'
    )
    assert files(tmp_path / "out") == {"stdin.srt", "stdin.txt"}
    text = (tmp_path / "out" / "stdin.txt").read_text()
    assert text.strip()
    assert result.stdout == text * 2
    assert result.stderr == "[1/1] stdin: 2.0 s\n"


def test_a_reader_that_leaves_early(model_folder: Path, wav: Path) -> None:
    result = shell(f"asr transcribe {model_folder} {wav} | true; echo ${{PIPESTATUS[0]}}")
    assert (result.stdout, result.stderr) == ("1\n", "")


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_whatever_the_console_files_are_utf_8_and_nothing_breaks(
    model_folder: Path, wav: Path, tmp_path: Path, engine: str
) -> None:
    model = tmp_path / "kd我"
    shutil.copytree(model_folder, model)
    sound = tmp_path / "♪ Ł 你.wav"
    shutil.copy(wav, sound)
    broken = written(tmp_path / "你.wav", "no sound")
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command: list[str | Path] = [sys.executable, "-m", "asr", "transcribe", model, sound, broken, "--format", "json"]
    command += ["--output", tmp_path / "out", "--engine", engine]
    result = subprocess.run(command, capture_output=True, env=environment, check=False, cwd=ROOT)
    assert result.returncode == 1, result.stderr
    assert b"Traceback" not in result.stderr
    assert rb"\u4f60.wav: failed" in result.stderr
    content = (tmp_path / "out" / "♪ Ł 你.json").read_bytes().decode("utf-8")
    assert "♪ Ł 你" in content
    assert json.loads(content)["source"] == str(sound)


def test_whatever_the_console_texts_are_utf_8(tmp_path: Path) -> None:
    """Of a model that writes letters which the console has not."""
    recognizer = talkative(tokens=char_tokens(["♪ Ł 你"]))
    recognizer.save(tmp_path / "model")
    soundfile.write(tmp_path / "a.wav", sound(16_000), 16_000)
    expected = recognizer.transcribe(tmp_path / "a.wav").text
    assert set("♪Ł") <= set(expected)
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command: list[str | Path] = [sys.executable, "-m", "asr", "transcribe", tmp_path / "model", tmp_path / "a.wav"]
    with (tmp_path / "stdout").open("wb") as file:
        subprocess.run(command, stdout=file, env=environment, check=True, cwd=ROOT)
    assert (tmp_path / "stdout").read_text(encoding="utf-8") == expected + "\n"


def test_a_file_name_in_no_encoding_comes_out_as_it_is(
    asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    names = [os.fsencode(tmp_path) + b"/" + name for name in (b"\xff.wav", b"\xfe.wav")]
    paths = [Path(os.fsdecode(name)) for name in names]
    for path in paths:
        shutil.copy(wav, path)
    command: list[str | bytes | Path] = [sys.executable, "-m", "asr", "transcribe", model_folder, *names]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, capture_output=True, env=environment, check=False, cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, b"")
    assert [line.split(b"\t")[0] for line in result.stdout.splitlines()] == names
    written_to = asr("transcribe", model_folder, *paths, "--output", tmp_path / "out", "--format", ",".join(FORMATS))
    assert (written_to.code, len(files(tmp_path / "out"))) == (0, 2 * len(FORMATS))


def test_on_a_terminal_there_is_a_bar(model_folder: Path, tree: Path, tmp_path: Path) -> None:
    """Elsewhere there are lines without control characters: test_a_folder_is_mirrored..."""
    shown = on_terminal([sys.executable, "-m", "asr", "transcribe", model_folder, tree, "--output", tmp_path / "a"])
    assert "of 3 files" in shown
    assert "as fast as it plays" in shown
    assert "[1/3]" not in shown
    *_, total, last = shown.splitlines()
    assert re.search(r"3 of 3 files, 0:00:04 of sound, [\d.]+ x as fast as it plays$", total)  # it stays
    assert last.endswith("get the whole file")
    again = on_terminal([sys.executable, "-m", "asr", "transcribe", model_folder, tree, "--output", tmp_path / "a"])
    assert re.findall(r"(\d) of 3 files", again)[0] == "2"  # done before


def on_terminal(command: list[object]) -> str:
    """What a process writes on stderr, which is a terminal 200 characters wide."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}
    process = subprocess.Popen(
        list(map(str, command)), stderr=theirs, stdout=subprocess.PIPE, env=environment, cwd=ROOT
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # the end of a terminal
        pass
    process.communicate()
    os.close(ours)
    return shown.decode()


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(
    asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    num_recordings = 600  # more than a quick machine does before it hears the signal
    for number in range(num_recordings):
        os.link(wav, tmp_path / "in" / f"{number}.wav")
    out = tmp_path / "out"
    arguments = ["transcribe", str(model_folder), str(tmp_path / "in"), "--output", str(out)]
    # A shell's & has Ctrl-C ignored, which processes inherit.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "asr", *arguments], stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    signal.signal(signal.SIGINT, usual)
    wait_for((out / "0.txt").exists)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    done = {path: path.stat().st_mtime_ns for path in out.glob("*.txt")}
    assert 1 <= len(done) < num_recordings
    stopped = told.splitlines()[-1]
    match = re.fullmatch(
        r"asr: stopped; what is done is kept \(whole recordings: (\d+)\); the same command goes on with the rest",
        stopped,
    )
    assert match
    assert int(match[1]) in (len(done), len(done) - 1)  # between a file and its note
    rest = asr(*arguments)
    assert (rest.code, rest.err.splitlines()[-1][:9]) == (0, "[600/600]")
    assert len(files(out)) == num_recordings
    assert sum(path.stat().st_mtime_ns == time for path, time in done.items()) >= len(done) - 1


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
