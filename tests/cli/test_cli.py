"""The command line as its users meet it.

In-process runs go through `main`, as the installed command does; a process of its own is started where the interpreter
itself matters (imports, pipes, the end of the process).
"""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import asr as package
from tests.support.command_line import ROOT, Refusal, RunAsr, manifest, written

SCORE_KEYS = [
    *("wer", "cer", "wer_low", "wer_high", "mer", "wil", "sentence_error_rate"),
    *("num_words", "correct", "substitutions", "deletions", "insertions"),
    *("num_characters", "character_errors", "num_utterances", "num_wrong_utterances", "alignment", "characters"),
]


# --- help and usage ---------------------------------------------------------------------------------------------------


def test_help_lists_the_five_verbs(asr: RunAsr) -> None:
    result = asr("--help")
    assert (result.code, result.err) == (0, "")
    rows = [line.strip("│ ").split() for line in result.out.splitlines()]
    listed = [row[0] for row in rows if row and row[0] in ("train", "transcribe", "evaluate", "score", "inspect")]
    assert listed == ["train", "transcribe", "evaluate", "score", "inspect"]


def test_the_version_is_told_on_one_line_without_loading_torch(asr: RunAsr) -> None:
    result = asr("--version")
    assert (result.code, result.err) == (0, "")
    python = ".".join(map(str, sys.version_info[:3]))
    assert result.out == f"asr {package.__version__}, Python {python}, torch {metadata.version('torch')}\n"
    assert not loaded_by("--version") & {"torch", "numpy"}


def test_the_version_without_torch(asr: RunAsr, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert asr("--version").out.endswith(", no torch\n")


@pytest.mark.parametrize("verb", ["train", "transcribe", "evaluate", "score", "inspect"])
def test_each_verb_has_help(asr: RunAsr, verb: str) -> None:
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


def test_help_loads_nothing_heavy() -> None:
    loaded = loaded_by("--help")
    assert "asr.cli.transcribe" in loaded
    assert not loaded & {"torch", "librosa", "rapidfuzz", "numpy", "soundfile", "matplotlib", "pydantic", "yaml"}


def test_scoring_does_not_load_torch(tmp_path: Path) -> None:
    texts = written(tmp_path / "a.txt", "A B C")
    loaded = loaded_by("score", texts, texts)
    assert "rapidfuzz" in loaded
    assert not loaded & {"torch", "librosa", "soundfile", "matplotlib"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["sing"],
        ["transcribe"],
        ["transcribe", "--list", "list.txt", "--loud"],
        ["transcribe", "model", "a.wav", "--loud"],
        ["score"],
        ["train"],
        ["train", "a.yaml", "--set"],
        ["evaluate", "model"],
        ["inspect"],
        ["--json"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(asr: RunAsr, arguments: list[str]) -> None:
    result = asr(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Error" in result.err
    assert "Traceback" not in result.err


# --- evaluate, score --------------------------------------------------------------------------------------------------


def test_evaluate_writes_hypotheses_that_score_reads(
    asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    references = manifest(tmp_path / "m.jsonl", wav)
    result = asr(
        *("evaluate", model_folder, references, "--json", "--hypotheses", tmp_path / "new" / "h.jsonl"),
        *("--record", tmp_path / "e.json"),
    )
    assert (result.code, result.err) == (0, "")
    evaluated = json.loads(result.out)
    assert list(evaluated) == SCORE_KEYS
    hypothesis = json.loads((tmp_path / "new" / "h.jsonl").read_text())
    assert hypothesis == {"id": wav.name, "text": asr("transcribe", model_folder, wav).out.strip()}
    scored = asr("score", references, tmp_path / "new" / "h.jsonl", "--json", "--record", tmp_path / "s.json")
    assert json.loads(scored.out) == evaluated
    assert json.loads((tmp_path / "s.json").read_text()) == json.loads((tmp_path / "e.json").read_text())
    assert asr("score", "--compare", tmp_path / "e.json", tmp_path / "s.json").out.split()[-3:] == ["0", "0", "1"]


def test_score(asr: RunAsr, tmp_path: Path) -> None:
    references, hypotheses = written(tmp_path / "r.txt", "A B C", "D"), written(tmp_path / "h.txt", "A X C E", "")
    numbers = json.loads(asr("score", references, hypotheses, "--json").out)
    assert list(numbers) == SCORE_KEYS
    counts = [numbers[key] for key in ("num_words", "substitutions", "deletions", "insertions")]
    assert (numbers["wer"], counts) == (0.75, [4, 1, 1, 1])
    for_people = asr("score", references, hypotheses, "--listing")
    assert (for_people.code, for_people.err.count("read as plain text")) == (0, 2)
    several = asr("score", references, hypotheses, references)
    assert [line[:16] for line in several.out.splitlines()] == ["h: WER 75.00 % [", "r: WER 0.00 % [0"]
    assert json.loads(asr("score", references, hypotheses, references, "--json").out)["systems"]["h"] == numbers
    assert "75" in for_people.out.splitlines()[-1]


def test_score_aligns_and_counts_characters_as_told(asr: RunAsr, refusal: Refusal, tmp_path: Path) -> None:
    references, hypotheses = written(tmp_path / "r.txt", "d b c c a"), written(tmp_path / "h.txt", "a a a d b")
    numbers = json.loads(asr("score", references, hypotheses, "--json", "--alignment", "sclite").out)
    assert (numbers["alignment"], numbers["deletions"], numbers["insertions"], numbers["wer"]) == ("sclite", 3, 3, 1.2)
    numbers = json.loads(asr("score", references, hypotheses, "--json", "--no-spaces").out)
    assert (numbers["characters"], numbers["num_characters"], numbers["wer"]) == ("without spaces", 5, 1.0)
    message = "found the alignment 'nist'; expected minimal or sclite"
    assert message in refusal("score", references, hypotheses, "--alignment", "nist")


def test_score_of_references_without_words_says_that_there_is_no_rate(asr: RunAsr, tmp_path: Path) -> None:
    references, hypotheses = written(tmp_path / "r.txt", ""), written(tmp_path / "h.txt", "a b")
    assert json.loads(asr("score", references, hypotheses, "--json").out)["wer"] is None
    assert asr("score", references, hypotheses).out.startswith("no WER: the references have no words (2 errors in 0")


# --- inspect ----------------------------------------------------------------------------------------------------------


def test_inspect_prints_facts_and_writes_a_picture(
    asr: RunAsr, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = asr("inspect", wav)
    assert (result.code, result.err) == (0, "")
    facts = dict(line.split("  ", 1) for line in result.out.splitlines())
    facts = {name: value.strip() for name, value in facts.items()}
    assert facts["format"] == "WAV, PCM_16"
    assert facts["rate"] == "16000 Hz"
    assert facts["duration"] == "2.000 s"
    assert facts["peak"] == "-6.0 dB"
    assert facts["picture"] == "speech.inspect.png"
    assert (tmp_path / "speech.inspect.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["$\\nonsense[b]$.wav", "[red]a.wav", "new\nline.wav", "x" * 200 + ".wav", "-a.wav"])
def test_inspect_takes_any_name(
    asr: RunAsr, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.write_bytes(wav.read_bytes())
    result = asr("inspect", path)
    assert (result.code, result.err) == (0, "")
    assert f"{path.stem}.inspect.png\n" in result.out
    assert (tmp_path / f"{path.stem}.inspect.png").exists()
