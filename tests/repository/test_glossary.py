"""Each term of the glossary is found by grep in the file that the glossary names."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/glossary.md"
ROW = re.compile(
    r"^\| (?P<term>[^|]+) \| `(?P<name>\w+)`[^|]* \| \[(?P<file>[^\]]+)\]\(\.\./(?P<link>[^)]+)\) \|$", re.MULTILINE
)
ROWS = [match.groupdict() for match in ROW.finditer(PAGE.read_text(encoding="utf-8"))]


def definitions(tree: ast.Module) -> set[str]:
    """The names that a module defines: functions, classes, constants, fields."""
    targets = [target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    kinds = (ast.FunctionDef, ast.ClassDef)
    return names | {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def docstrings(tree: ast.Module) -> str:
    """Those of the module, its functions and classes, and of fields."""
    statements = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return "\n".join(n.value for n in statements if isinstance(n, ast.Constant) and isinstance(n.value, str))


def is_found(term: str, text: str) -> bool:
    """Whether `grep -i` finds the term: within a line, and short ones as whole words, or AMP would be in "samples"."""
    pattern = rf"\b{re.escape(term)}\b" if len(term) <= 4 else re.escape(term)
    return any(re.search(pattern, line, re.IGNORECASE) for line in text.splitlines())


def test_every_line_of_the_table_is_a_row() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert len(ROWS) == len(lines) - 2  # its head
    assert len(ROWS) >= 42
    assert len({row["term"].lower() for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["term"])
def test_term_leads_to_its_file(row: dict[str, str]) -> None:
    assert row["file"] == row["link"]
    tree = ast.parse((ROOT / row["file"]).read_text(encoding="utf-8"))
    assert row["name"] in definitions(tree)
    assert is_found(row["term"], "\n".join([row["file"], *sorted(definitions(tree)), docstrings(tree)]))


def test_only_what_grep_finds_is_found() -> None:
    assert is_found("AMP", "automatic mixed precision (AMP)")
    assert not is_found("AMP", "samples")
    assert not is_found("early stopping", "early\nstopping")
