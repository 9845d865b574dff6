"""What the command line says when something is wrong: exit code 2, one line on stderr, nothing lost, no traceback."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.command_line import ROOT, Refusal, RunAsr, manifest, shell, written

# --- sound files and models -------------------------------------------------------------------------------------------


def broken_files(folder: Path, wav: Path) -> dict[Path, str]:
    """Files that cannot be transcribed, and what is said about them."""
    content = wav.read_bytes()
    nan = np.zeros(16_000, dtype=np.float32)
    nan[8000] = np.nan
    soundfile.write(folder / "nan.wav", nan, 16_000, subtype="FLOAT")
    soundfile.write(folder / "none.wav", np.zeros(0), 16_000)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("not audio\n" * 100)
    (folder / "cut.wav").write_bytes(content[:-1000])
    soundfile.write(folder / "cut.mp3", np.zeros(16_000), 16_000)
    (folder / "cut.mp3").write_bytes((folder / "cut.mp3").read_bytes()[:-30])
    (folder / "new\nline\x1b[31m.wav").write_bytes(b"")
    return {
        folder / "nan.wav": "holds samples that are NaN or infinite, the first at 0.500 s",
        folder / "none.wav": "holds no samples",
        folder / "empty.wav": "the file is empty (0 bytes)",
        folder / "text.wav": "not audio that can be read",
        folder / "cut.wav": "truncated: 1000 bytes of sound are missing",
        folder / "cut.mp3": "truncated: the last mp3 frame is incomplete",
        folder / "gone.wav": "no such file",
        folder / "new\nline\x1b[31m.wav": "the file is empty (0 bytes)",
    }


def test_what_cannot_be_read_is_named_and_the_rest_is_transcribed(
    asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    broken = broken_files(tmp_path, wav)
    alone = asr("transcribe", model_folder, wav).out
    result = asr("transcribe", model_folder, *list(broken)[:4], wav, *list(broken)[4:])
    assert result.code == 1
    assert result.out == f"{wav}\t{alone}"
    lines = result.err.splitlines()
    assert len(lines) == len(broken)
    for line, (path, message) in zip(lines, broken.items(), strict=True):
        name = str(path).replace("\n", "\\n").replace("\x1b", "\\x1b")
        assert line.startswith(f"asr: {name}: {message}")


def test_each_broken_file_alone(refusal: Refusal, model_folder: Path, wav: Path, tmp_path: Path) -> None:
    broken = broken_files(tmp_path, wav)
    for path, message in {**broken, tmp_path: "is a folder, expected a sound file"}.items():
        assert message in refusal("inspect", path)
    for path in (tmp_path / "cut.mp3", tmp_path / "new\nline\x1b[31m.wav"):
        assert broken[path] in refusal("transcribe", model_folder, path)
        references = manifest(tmp_path / "m.jsonl", path)
        assert broken[path] in refusal("evaluate", model_folder, references, "--hypotheses", tmp_path / "h.jsonl")
    assert not (tmp_path / "h.jsonl").exists()


def test_no_model(models_home: Path, refusal: Refusal, wav: Path, tmp_path: Path) -> None:
    assert refusal("transcribe", tmp_path / "gone", wav).startswith(f"{tmp_path / 'gone'}: no such model folder")
    assert f"{tmp_path}: is a folder without a model" in refusal("transcribe", tmp_path, wav)
    assert "no such model folder" in refusal("evaluate", wav, wav)
    assert refusal("transcribe", wav).startswith(f"{wav}: is a file; expected a model folder")


# --- manifests and texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["evaluate", "train"])
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"audio_filepath": "a.wav", "duration": 1, "text": ""', ""], "line 1: not JSON"),
        (["", "[" * 100_000], "line 2: not JSON"),
        (["3"], "line 1: expected a JSON object, found int"),
        ([{"audio_filepath": "a.wav", "text": ""}], "line 1: the key 'duration' is missing"),
        ([], "the manifest has no utterances"),
        (
            [{"audio_filepath": f"{i:02}.wav", "duration": 1, "text": "A"} for i in range(12)],
            f"12 of 12 sound files are missing: {', '.join(f'FOLDER/{i:02}.wav' for i in range(10))} and 2 more",
        ),
    ],
)
def test_broken_manifests(
    refusal: Refusal, model_folder: Path, tmp_path: Path, verb: str, lines: list[object], message: str
) -> None:
    path = written(tmp_path / "m.jsonl", *lines)
    conf = written(tmp_path / "c.yaml", f"data: {{train: '{path}', dev: '{path}'}}")
    arguments = ["evaluate", model_folder, path] if verb == "evaluate" else ["train", conf, "--run", tmp_path / "run"]
    assert message.replace("FOLDER", str(tmp_path)) in refusal(*arguments)
    assert not (tmp_path / "run").exists()


def test_texts_that_cannot_be_scored(refusal: Refusal, tmp_path: Path) -> None:
    one, two = written(tmp_path / "1.txt", "A"), written(tmp_path / "2.txt", "A", "B")
    assert "no such file" in refusal("score", one, tmp_path / "gone.txt")
    assert "has 1 lines and" in refusal("score", one, two)
    assert "line 1: not JSON" in refusal(
        "score", written(tmp_path / "a.jsonl", "A"), written(tmp_path / "b.jsonl", "B")
    )


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_a_picture_that_cannot_be_written(refusal: Refusal, wav: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    message = "could not be written: one of the folders above it is a file"
    assert (
        refusal("inspect", wav, "--picture", tmp_path / "file" / "a.png") == f"{tmp_path / 'file' / 'a.png'}: {message}"
    )
    assert (tmp_path / "file").read_text() == "old"
    assert "could not be written (there is a folder of this name)" in refusal("inspect", wav, "--picture", tmp_path)
    full = refusal("inspect", wav, "--picture", "/dev/full")
    assert full == "/dev/full: could not be written (No space left on device)"


# --- train ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "overrides", "message"),
    [
        ("data: {train: a, dev: b}\ntrainign: {}", [], "trainign: unknown key"),
        ("data: {train: a, dev: b}\ntraining: {seeed: 1}", [], "training.seeed: unknown key"),
        ("data: {train: a, dev: b}", ["--set", "model.features.num_mel=80"], "model.features.num_mel: unknown key"),
        ("data: {train: a, dev: b}\ntraining: {seed: one}", [], "training.seed: input should be a valid integer"),
        ("data: {train: a, dev: b}", ["--set", "training.seed=1.5"], "training.seed: input should be a valid integer"),
        ("data: {train: a}", [], "data.dev: missing"),
        ("data: {train: a, dev: b}\ntraining: {seed: 1", [], "line 3: not valid YAML"),
        ("data: {train: a, dev: b}", ["--set", "seed"], "--set seed: expected section.key=value"),
        ("data: {train: a, dev: b}", [], "a: no such file"),
    ],
)
def test_wrong_settings(refusal: Refusal, tmp_path: Path, content: str, overrides: list[str], message: str) -> None:
    assert message in refusal("train", written(tmp_path / "c.yaml", content), "--run", tmp_path / "run", *overrides)
    assert not (tmp_path / "run").exists()


def test_no_settings(refusal: Refusal, tmp_path: Path) -> None:
    assert refusal("train", tmp_path / "gone.yaml") == f"{tmp_path / 'gone.yaml'}: no such settings file"


def test_a_file_given_as_the_folder_of_the_run(asr: RunAsr, wav: Path, tmp_path: Path) -> None:
    path = manifest(tmp_path / "m.jsonl", wav)
    conf = written(
        tmp_path / "c.yaml", f"data: {{train: '{path}', dev: '{path}'}}", "model: {hidden_size: 4, num_layers: 1}"
    )
    (tmp_path / "file").write_text("old")
    result = asr("train", conf, "--run", tmp_path / "file")
    assert result.code == 2
    *log, error = result.err.splitlines()
    assert error.startswith(f"asr: {tmp_path / 'file'}")
    assert "is a file; give a folder for the run" in error
    assert not any(line.startswith("asr: ") for line in log)
    assert (tmp_path / "file").read_text() == "old"


# --- pipes and full disks ---------------------------------------------------------------------------------------------


def without_forms(err: str) -> str:
    """What `asr score` says on stderr, without the lines on what the files were read as."""
    return "".join(line for line in err.splitlines(keepends=True) if ": read as " not in line)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_leaves_early(tmp_path: Path, reader: str, unbuffered: str) -> None:
    """It is gone before the first line, or before the last: 20,000 lines do not fit into a pipe."""
    for number in (1, 20_000):
        texts = written(tmp_path / "a.txt", *["A B C"] * number)
        result = shell(f"asr score {texts} {texts} --listing | {reader}", unbuffered=unbuffered)
        assert result.stdout.count("\n") == (reader == "head -1")
        assert without_forms(result.stderr) == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout(tmp_path: Path, unbuffered: str) -> None:
    texts = written(tmp_path / "a.txt", "A B C")
    result = shell(f"asr score {texts} {texts} > /dev/full", unbuffered=unbuffered)
    assert result.returncode == 2
    assert without_forms(result.stderr) == "asr: the output: No space left on device\n"


# --- errors of the system ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError("libtorchaudio.so: undefined symbol: _ZN3c10"), "libtorchaudio.so: undefined symbol: _ZN3c10"),
        (OSError(5, "Input/output error", "a.wav"), "a.wav: Input/output error"),
        (OSError(28, "No space left on device"), "the output: No space left on device"),
        (OSError(), "OSError"),
    ],
)
def test_what_the_system_says_is_printed_as_it_is(
    refusal: Refusal, wav: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, message: str
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("asr.recognizer.Recognizer.load", fail)
    assert refusal("transcribe", model_folder, wav) == message


def test_an_error_that_the_system_has_no_words_for_is_named(
    refusal: Refusal, wav: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path, *_arguments: object, **_options: object) -> None:
        raise OSError("the file system is on strike")

    monkeypatch.setattr("pathlib.Path.open", fail)
    assert "(the file system is on strike)" in refusal("score", wav, wav)


def test_no_message_is_made_of_what_may_not_be_there() -> None:
    using = [path.name for path in (ROOT / "asr").rglob("*.py") if ".strerror" in path.read_text(encoding="utf-8")]
    assert using == ["errors.py"]
