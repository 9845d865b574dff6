"""What stands written twice agrees: import order, settings files, README, exported names, pinned versions."""

import itertools
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

import asr
from asr.corpus.manifest import read_manifest
from asr.settings import dump_settings, load_settings
from asr.training.settings import ExperimentSettings
from recipes.results import BEGIN, END, READMES, read_records, records_file, with_results

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFS = sorted(path for path in (ROOT / "conf").glob("*.yaml") if path.stem != "punctuation")  # of no recogniser


def test_imports_run_one_way() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([str(command)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "2 kept, 0 broken" in result.stdout


def test_every_recipe_has_settings_and_a_readme() -> None:
    recipes = {path.parent.name for path in (ROOT / "recipes").glob("*/run.py")}
    assert len(recipes) >= 4
    assert {re.sub(r"_\d+$", "", path.stem) for path in CONFS} - {"finetune"} == recipes  # which is for any model
    assert [name for name in recipes if not (ROOT / "recipes" / name / "README.md").is_file()] == []


@pytest.mark.parametrize("path", CONFS, ids=lambda path: path.name)
def test_every_settings_file_loads_and_is_written_back_equal(path: Path, tmp_path: Path) -> None:
    settings = load_settings(ExperimentSettings, path)
    (tmp_path / "again.yaml").write_text(dump_settings(settings), encoding="utf-8")
    assert load_settings(ExperimentSettings, tmp_path / "again.yaml") == settings


@pytest.mark.parametrize("recipe", READMES)
def test_the_readme_shows_the_results_that_were_measured(recipe: str) -> None:
    readme = (ROOT / READMES[recipe]).read_text(encoding="utf-8")
    table = readme.split(BEGIN)[1].split(END)[0]
    if not (ROOT / records_file(recipe)).is_file():
        assert table == "not yet measured\n"
        return
    assert with_results(readme, read_records(ROOT / records_file(recipe))) == readme
    assert re.search(r"\| \d+ \| \d+\.\d\d( \[\d+\.\d\d, \d+\.\d\d\])? \|", table)


def test_the_readme_names_only_files_and_verbs_that_exist() -> None:
    links = re.findall(r"\]\(([a-z][^)]*)\)", README)
    assert len(links) >= 10
    assert [link for link in links if not (ROOT / link).exists()] == []
    verbs = set(re.findall(r"\.venv/bin/asr (\w+)", README))
    from asr.cli import app

    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert verbs == commands | {group.name for group in app.registered_groups}


def commands_of_the_readme() -> list[list[str]]:
    """The arguments of `asr` in each line that calls it, alone or under torchrun."""
    lines = re.findall(r"^(?:\.venv/bin/asr|.*torchrun .* -m asr --) (.*)$", README, flags=re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def test_every_file_that_the_readme_trains_with_is_there() -> None:
    confs = [word for arguments in commands_of_the_readme() for word in arguments if word.startswith("conf/")]
    assert len(confs) >= 3
    assert [conf for conf in confs if not (ROOT / conf).is_file()] == []
    overrides = [
        now for before, now in itertools.pairwise(itertools.chain(*commands_of_the_readme())) if before == "--set"
    ]
    assert overrides
    load_settings(ExperimentSettings, ROOT / confs[0], overrides)


@pytest.mark.parametrize("silent", [False, True])
def test_the_python_example_of_the_readme_runs(
    silent: bool,
    model_folder: Path,
    wav: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    model, talk = re.findall(r'"([^"]+)"', example)[:2]
    shutil.copytree(model_folder, tmp_path / model)
    samples = np.zeros(8000) if silent else soundfile.read(wav)[0]
    soundfile.write(tmp_path / talk, samples, 16_000)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    text, *words = capsys.readouterr().out.splitlines()
    assert bool(text) == bool(words) == (not silent)
    assert [line.split()[2] for line in words] == text.split()


def test_the_manifest_line_of_the_readme_is_one(tmp_path: Path) -> None:
    line = next(line for line in README.splitlines() if line.startswith('{"audio_filepath"'))
    (tmp_path / "m.jsonl").write_text(line + "\n")
    (utterance,) = read_manifest(tmp_path / "m.jsonl", check_files=False)
    assert (utterance.text, utterance.speaker) == ("HELLO WORLD", "anna")


def test_exported_names() -> None:
    assert sorted(asr.__all__) == ["AsrError", "Recognizer", "Transcript", "Word"]
    assert all(getattr(asr, name).__name__ == name for name in asr.__all__)


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *extras["train"],
        *extras["demo"],
        *extras["dev"],
        *extras["docs"],
        *extras["tensorboard"],
    ]
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    names = {re.split(r"[<>=\[ ]", name)[0].lower() for name in wanted}
    assert len(names) >= 20
    assert names - pinned == set()
    assert project["version"] == asr.__version__


def test_torch_and_torchaudio_are_a_pair_for_any_resolver() -> None:
    """torchaudio is built for one torch and does not say for which: 2.11.1 does not load with torch 2.11.0."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    networks = project["optional-dependencies"]["train"]
    assert [name for name in networks if name.startswith("torch")] == ["torch==2.11.0", "torchaudio==2.11.0"]
    assert [name for name in project["dependencies"] if name.startswith(("torch", "matplotlib"))] == []
    assert {"torch==2.11.0", "torchaudio==2.11.0"} <= set((ROOT / "constraints.txt").read_text().split())
