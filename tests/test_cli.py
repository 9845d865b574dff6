"""The command line as its users meet it: exit codes, one line for each error, output that fits into pipes.

In-process runs go through `main`, as the installed command does; a process of its own is started where the interpreter
itself matters (imports, pipes, the end of the process).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from asr.cli import main

ROOT = Path(__file__).parents[1]
SCORE_KEYS = ["wer", "cer", "wer_low", "wer_high", "num_words", "substitutions", "deletions", "insertions"]


@pytest.fixture
def asr(monkeypatch, capfd):
    """Runs `asr` in this process; what it leaves: `code`, `out`, `err`."""

    def run(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["asr", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        captured = capfd.readouterr()
        return SimpleNamespace(code=caught.value.code or 0, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def refusal(asr):
    """Runs `asr`, which has to exit with 2, print nothing, and say why in one line; returns the line."""

    def run(*arguments: object) -> str:
        result = asr(*arguments)
        assert (result.code, result.out) == (2, ""), result
        assert "Traceback" not in result.err
        assert result.err.startswith("asr: ")
        assert result.err.count("\n") == 1
        assert result.err.endswith("\n")
        return result.err[len("asr: ") : -1]

    return run


def shell(command: str, *, unbuffered: str = "") -> subprocess.CompletedProcess:
    """Runs a line of bash in which `asr` is the command line under test."""
    script = f'asr() {{ "{sys.executable}" -m asr "$@"; }}\n{command}'
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    command = ["bash", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def manifest(path: Path, *sounds: Path, text: str = "THE DOG") -> Path:
    return written(path, *({"audio_filepath": str(s), "duration": 2.0, "text": text, "id": s.name} for s in sounds))


# --- help and usage ---------------------------------------------------------------------------------------------------


def test_help_lists_the_five_verbs(asr):
    result = asr("--help")
    assert (result.code, result.err) == (0, "")
    rows = [line.strip("│ ").split() for line in result.out.splitlines()]
    listed = [row[0] for row in rows if row and row[0] in ("train", "transcribe", "evaluate", "score", "inspect")]
    assert listed == ["train", "transcribe", "evaluate", "score", "inspect"]


@pytest.mark.parametrize("verb", ["train", "transcribe", "evaluate", "score", "inspect"])
def test_each_verb_has_help(asr, verb):
    result = asr(verb, "--help")
    assert (result.code, result.err) == (0, "")
    assert f"asr {verb} [OPTIONS]" in result.out


def loaded_by(*arguments: object) -> set[str]:
    """The modules that a run of `asr` has imported at its end."""
    code = (
        "import sys\n"
        "from asr.cli import main\n"
        "try: main()\n"
        "except SystemExit as exit: assert not exit.code\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stderr.split())


def test_help_loads_nothing_heavy():
    loaded = loaded_by("--help")
    assert "asr.cli.transcribe" in loaded
    assert not loaded & {"torch", "librosa", "jiwer", "numpy", "soundfile", "matplotlib", "pydantic", "yaml"}


def test_scoring_does_not_load_torch(tmp_path):
    texts = written(tmp_path / "a.txt", "A B C")
    loaded = loaded_by("score", texts, texts)
    assert "jiwer" in loaded
    assert not loaded & {"torch", "librosa", "soundfile", "matplotlib"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["sing"],
        ["transcribe"],
        ["transcribe", "model"],
        ["transcribe", "model", "a.wav", "--loud"],
        ["score", "a"],
        ["score", "a", "b", "c"],
        ["train"],
        ["train", "a.yaml", "--set"],
        ["evaluate", "model"],
        ["inspect"],
        ["--json"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(asr, arguments):
    result = asr(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Error" in result.err
    assert "Traceback" not in result.err


# --- transcribe -------------------------------------------------------------------------------------------------------


def test_one_file_gives_its_text_several_give_names_and_texts(asr, model_folder, wav, tmp_path):
    other = tmp_path / "b.wav"
    soundfile.write(other, np.zeros(8000), 16_000)
    one = asr("transcribe", model_folder, wav)
    assert (one.code, one.err) == (0, "")
    text = one.out.removesuffix("\n")
    assert text  # the model has no idea, and says so at length
    both = asr("transcribe", model_folder, wav, other)
    assert (both.code, both.err) == (0, "")
    assert both.out == f"{wav}\t{text}\n{other}\t\n"


def test_json_has_the_words_with_their_times(asr, model_folder, wav):
    result = asr("transcribe", model_folder, wav, wav, "--json")
    records = [json.loads(line) for line in result.out.splitlines()]
    assert len(records) == 2
    assert records[0] == records[1]
    assert records[0]["audio_filepath"] == str(wav)
    assert records[0]["duration"] == 2.0
    assert [word["text"] for word in records[0]["words"]] == records[0]["text"].split()
    for word in records[0]["words"]:
        assert 0 <= word["start"] < word["end"] <= 2.0
        assert 0 <= word["confidence"] <= 1


def test_silence_gives_empty_text_and_no_error(asr, model_folder, tmp_path):
    files = []
    for format, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")):
        for rate in (8_000, 16_000, 48_000):
            files.append(tmp_path / f"{format}{rate}")
            soundfile.write(files[-1], np.zeros((rate, 2)), rate, format=format, subtype=subtype)
    for file in files[:2]:
        alone = asr("transcribe", model_folder, file)
        assert (alone.code, alone.out, alone.err) == (0, "\n", "")
    together = asr("transcribe", model_folder, *files)
    assert (together.code, together.out, together.err) == (0, "".join(f"{file}\t\n" for file in files), "")


def broken_files(folder: Path, wav: Path) -> dict[Path, str]:
    """Files that can not be transcribed, and what is said about them."""
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
        folder: "is a folder, expected a sound file",
        folder / "new\nline\x1b[31m.wav": "the file is empty (0 bytes)",
    }


def test_what_can_not_be_read_is_named_and_the_rest_is_transcribed(asr, model_folder, wav, tmp_path):
    broken = broken_files(tmp_path, wav)
    alone = asr("transcribe", model_folder, wav).out
    mixed = [path for bad in broken for path in (bad, wav)]
    result = asr("transcribe", model_folder, *mixed)
    assert result.code == 2
    assert result.out == f"{wav}\t{alone}" * len(broken)
    lines = result.err.splitlines()
    assert len(lines) == len(broken)
    for line, (path, message) in zip(lines, broken.items(), strict=True):
        name = str(path).replace("\n", "\\n").replace("\x1b", "\\x1b")
        assert line.startswith(f"asr: {name}: {message}")


def test_each_broken_file_alone(refusal, model_folder, wav, tmp_path):
    broken = broken_files(tmp_path, wav)
    for path, message in broken.items():
        assert message in refusal("inspect", path)
    for path in (tmp_path / "cut.mp3", tmp_path / "new\nline\x1b[31m.wav"):
        assert broken[path] in refusal("transcribe", model_folder, path)
        references = manifest(tmp_path / "m.jsonl", path)
        assert broken[path] in refusal("evaluate", model_folder, references, "--hypotheses", tmp_path / "h.jsonl")
    assert not (tmp_path / "h.jsonl").exists()


def test_a_file_name_in_no_encoding_comes_out_as_it_is(model_folder, wav, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff.wav"
    Path(os.fsdecode(name)).write_bytes(wav.read_bytes())
    command = [sys.executable, "-m", "asr", "transcribe", model_folder, name, name]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, capture_output=True, env=environment, check=False, cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, b"")
    assert [line.split(b"\t")[0] for line in result.stdout.splitlines()] == [name, name]


def test_no_model(refusal, wav, tmp_path):
    assert refusal("transcribe", tmp_path / "gone", wav) == f"{tmp_path / 'gone'}: no such model folder"
    assert "the model folder has no config.json" in refusal("transcribe", tmp_path, wav)
    assert "no such model folder" in refusal("evaluate", wav, wav)


# --- evaluate, score --------------------------------------------------------------------------------------------------


def test_evaluate_writes_hypotheses_that_score_reads(asr, model_folder, wav, tmp_path):
    references = manifest(tmp_path / "m.jsonl", wav)
    result = asr("evaluate", model_folder, references, "--json", "--hypotheses", tmp_path / "new" / "h.jsonl")
    assert (result.code, result.err) == (0, "")
    evaluated = json.loads(result.out)
    assert list(evaluated) == SCORE_KEYS
    hypothesis = json.loads((tmp_path / "new" / "h.jsonl").read_text())
    assert hypothesis == {"id": wav.name, "text": asr("transcribe", model_folder, wav).out.strip()}
    assert json.loads(asr("score", references, tmp_path / "new" / "h.jsonl", "--json").out) == evaluated


def test_score(asr, tmp_path):
    references, hypotheses = written(tmp_path / "r.txt", "A B C", "D"), written(tmp_path / "h.txt", "A X C E", "")
    numbers = json.loads(asr("score", references, hypotheses, "--json").out)
    assert list(numbers) == SCORE_KEYS
    counts = [numbers[key] for key in ("num_words", "substitutions", "deletions", "insertions")]
    assert (numbers["wer"], counts) == (0.75, [4, 1, 1, 1])
    for_people = asr("score", references, hypotheses, "--listing")
    assert (for_people.code, for_people.err) == (0, "")
    assert "75" in for_people.out.splitlines()[-1]


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
def test_broken_manifests(refusal, model_folder, tmp_path, verb, lines, message):  # noqa: PLR0917
    path = written(tmp_path / "m.jsonl", *lines)
    conf = written(tmp_path / "c.yaml", f"data: {{train: '{path}', dev: '{path}'}}")
    arguments = ["evaluate", model_folder, path] if verb == "evaluate" else ["train", conf, "--run", tmp_path / "run"]
    assert message.replace("FOLDER", str(tmp_path)) in refusal(*arguments)
    assert not (tmp_path / "run").exists()


def test_texts_that_can_not_be_scored(refusal, tmp_path):
    one, two = written(tmp_path / "1.txt", "A"), written(tmp_path / "2.txt", "A", "B")
    assert "no such file" in refusal("score", one, tmp_path / "gone.txt")
    assert "has 1 lines and" in refusal("score", one, two)
    assert "line 1: not JSON" in refusal(
        "score", written(tmp_path / "a.jsonl", "A"), written(tmp_path / "b.jsonl", "B")
    )


# --- inspect ----------------------------------------------------------------------------------------------------------


def test_inspect_prints_facts_and_writes_a_picture(asr, wav, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = asr("inspect", wav)
    assert (result.code, result.err) == (0, "")
    facts = dict(line.split("  ", 1) for line in result.out.splitlines())
    facts = {name: value.strip() for name, value in facts.items()}
    assert facts["format"] == "WAV, PCM_16"
    assert facts["rate"] == "16000 Hz"
    assert facts["duration"] == "2.000 s"
    assert facts["peak"] == "-6.0 dB"
    assert facts["picture"] == "speech.png"
    assert (tmp_path / "speech.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["$\\nonsense[b]$.wav", "[red]a.wav", "new\nline.wav", "x" * 200 + ".wav", "-a.wav"])
def test_inspect_takes_any_name(asr, wav, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.write_bytes(wav.read_bytes())
    result = asr("inspect", path)
    assert (result.code, result.err) == (0, "")
    assert f"{path.stem}.png\n" in result.out
    assert (tmp_path / f"{path.stem}.png").exists()


def test_a_picture_that_can_not_be_written(refusal, wav, tmp_path):
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
        ("data: {train: a, dev: b}", [], "a: no such manifest"),
    ],
)
def test_wrong_settings(refusal, tmp_path, content, overrides, message):
    assert message in refusal("train", written(tmp_path / "c.yaml", content), "--run", tmp_path / "run", *overrides)
    assert not (tmp_path / "run").exists()


def test_no_settings(refusal, tmp_path):
    assert refusal("train", tmp_path / "gone.yaml") == f"{tmp_path / 'gone.yaml'}: no such settings file"


def test_a_file_given_as_the_folder_of_the_run(asr, wav, tmp_path):
    path = manifest(tmp_path / "m.jsonl", wav)
    conf = written(
        tmp_path / "c.yaml", f"data: {{train: '{path}', dev: '{path}'}}", "model: {hidden_size: 4, num_layers: 1}"
    )
    (tmp_path / "file").write_text("old")
    result = asr("train", conf, "--run", tmp_path / "file")
    assert result.code == 2
    *log, error = result.err.splitlines()
    assert error.startswith(f"asr: {tmp_path / 'file'}")
    assert "could not be written" in error
    assert not any(line.startswith("asr: ") for line in log)
    assert (tmp_path / "file").read_text() == "old"


# --- pipes and full disks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_leaves_early(tmp_path, reader, unbuffered):
    """It is gone before the first line, or before the last: 20,000 lines do not fit into a pipe."""
    for number in (1, 20_000):
        texts = written(tmp_path / "a.txt", *["A B C"] * number)
        result = shell(f"asr score {texts} {texts} --listing | {reader}", unbuffered=unbuffered)
        assert result.stdout.count("\n") == (reader == "head -1")
        assert result.stderr == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout(tmp_path, unbuffered):
    texts = written(tmp_path / "a.txt", "A B C")
    result = shell(f"asr score {texts} {texts} > /dev/full", unbuffered=unbuffered)
    assert result.returncode == 2
    assert result.stderr == "asr: the output: No space left on device\n"
