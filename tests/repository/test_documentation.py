"""What the documentation says is so: each command is understood, each link leads to a file, no module is left out."""

import importlib.util
import itertools
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from asr.settings import load_settings
from asr.training.settings import ExperimentSettings

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted((ROOT / "docs/tutorials").glob("*.md"))
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("recipes/*/README.md")]
    if path.is_file()
)
WITH_COMMANDS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *TUTORIALS, *ROOT.glob("recipes/*/README.md")]


def code(path: Path, language: str = "") -> list[str]:
    """What stands within ``` on a page, in a language; lines that end in \\ are joined with the next."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [block.replace("\\\n", " ") for of, block in blocks if of == language]


def commands(program: str, pages: list[Path]) -> list[list[str]]:
    """The arguments of each call of `program` on these pages."""
    found = []
    for page in pages:
        for line in "".join(code(page)).splitlines():
            if match := re.match(rf"{program} (.*)", line):
                words = shlex.split(match[1], comments=True)
                found.append(words[: words.index(">")] if ">" in words else words)
    return found


ASR = commands(r"(?:\.venv/bin/asr|.*torchrun .* -m asr --)", WITH_COMMANDS)


def test_pages_are_looked_at() -> None:
    assert [path.stem for path in TUTORIALS] == ["index", "own-recordings", "researcher", "transcribe"]
    assert len(ASR) >= 40
    for page in TUTORIALS[1:]:
        verbs = {arguments[0] for arguments in commands(r"\.venv/bin/asr", [page])}
        assert "evaluate" in verbs, f"{page.name} does not lead to a word error rate"


@pytest.mark.parametrize("arguments", ASR, ids=" ".join)
def test_each_asr_command_is_understood(arguments: list[str]) -> None:
    from asr.cli import app

    command: Any = typer.main.get_command(app)
    if arguments == ["--version"]:
        return
    while isinstance(command, TyperGroup):  # not click.Group: typer may bring a click of its own
        name, *arguments = arguments
        command = command.commands[name]
    assert not hasattr(command, "commands")
    command.make_context(command.name, arguments)  # a usage error, if an option or an argument is not known


def test_each_program_is_there() -> None:
    """`make X`, `python -m X`; and what a tutorial trains with is in `conf/` or written out on its page."""
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {words[0] for words in commands("make", WITH_COMMANDS)} <= targets
    modules = {words[1] for words in commands(r"\.venv/bin/python", WITH_COMMANDS) if words[0] == "-m"}
    assert len(modules) >= 5
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []
    for page in WITH_COMMANDS:
        text = page.read_text(encoding="utf-8")
        confs = {word for words in commands(r"\.venv/bin/asr", [page]) for word in words if word.startswith("conf/")}
        assert [conf for conf in confs if not (ROOT / conf).is_file() and f"Write these to `{conf}`" not in text] == []


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_settings_on_a_page_can_be_trained_with(page: Path, tmp_path: Path) -> None:
    files = [ROOT / "conf/an4.yaml"]
    for number, section in enumerate(code(page, "yaml")):
        files.append(tmp_path / f"{number}.yaml")
        files[-1].write_text(section, encoding="utf-8")
    words = [word for arguments in commands(r"\.venv/bin/asr train", [page]) for word in arguments]
    overrides = [after for before, after in itertools.pairwise(words) if before == "--set"]
    for file in files:
        load_settings(ExperimentSettings, file, overrides)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    local = [link.split("#")[0] for link in links if "://" not in link and not link.startswith("#")]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_api_reference_has_every_module() -> None:
    """The command line has its own help."""
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs/api").glob("*.md"))
    shown = re.findall(r"^::: (\S+)$", pages, flags=re.MULTILINE)
    assert len(shown) == len(set(shown))
    paths = [ROOT / name.replace(".", "/") for name in shown]
    assert [path for path in paths if not path.is_dir() and not path.with_suffix(".py").is_file()] == []
    modules = {path.with_suffix("").relative_to(ROOT).parts[:2] for path in (ROOT / "asr").rglob("*.py")}
    modules -= {("asr", name) for name in ("__init__", "__main__", "cli")}
    assert modules == {tuple(name.split(".")[:2]) for name in shown}


def test_lint_is_the_same_by_make_and_before_a_commit() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe
    by_make = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["entry"] for hook in local["hooks"]] == by_make
    assert not any(hook["pass_filenames"] for hook in local["hooks"])  # all files, as make does


def test_the_workflow_runs_what_there_is_on_every_version_of_python() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert [step["run"] for step in jobs["test"]["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    versions = jobs["test"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert versions == ["3.11", "3.12", "3.13", "3.14"]
    assert project["requires-python"] == f">={versions[0]}"


def test_the_citation_is_of_this_version() -> None:
    """The keys that the schema of the Citation File Format 1.2.0 wants, and what pyproject.toml says too."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert all(author.keys() <= {"name", "family-names", "given-names", "orcid"} for author in citation["authors"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="`make docs` installs mkdocs")
def test_links_of_the_repository_become_those_of_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    monkeypatch.delitem(sys.modules, "hooks", raising=False)
    import hooks

    def turned(link: str, source: str, page: str) -> str:
        return hooks.LINK.sub(lambda match: hooks._link(match, source, page), link)

    assert turned("[a](docs/design.md#the-path)", "README.md", "index.md") == "[a](design.md#the-path)"
    assert turned("[a](asr/audio.py)", "README.md", "index.md") == "[a][asr.audio]"
    assert turned("[a](../../asr/search)", "docs/tutorials/x.md", "tutorials/x.md") == "[a][asr.search]"
    assert turned("[a](../../README.md)", "recipes/an4/README.md", "recipes/an4.md") == "[a](../index.md)"
    assert turned("[a](recipes)", "README.md", "index.md") == "[a](recipes/index.md)"
    assert turned("[a](https://a.org/b.md)", "README.md", "index.md") == "[a](https://a.org/b.md)"
    assert turned("[a](asr/nothing.py)", "README.md", "index.md") == "[a](asr/nothing.py)"  # fails the strict build
