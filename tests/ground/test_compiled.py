"""Compiled code is made anew when any of its sources has changed, and is kept on disk when none has."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr import compiled

PACKAGE = Path(compiled.__file__).parent
KERNEL = """
from {package}.compiled import kernel
from {package}.parts import add

@kernel
def total(a, b):
    return add(a, b)
"""
PART = """
from {package}.compiled import part

@part
def add(a, b):
    return a + b
"""
# What it gives, and whether it comes out of the cache.
CALL = "from {package}.kernels import total; print(total(3, 4), sum(total.stats.cache_hits.values()))"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package whose one kernel is cut into two files, compiled by a copy of asr/compiled.py."""
    folder = tmp_path / "cut"
    folder.mkdir()
    shutil.copy(PACKAGE / "compiled.py", folder)
    (folder / "__init__.py").touch()
    (folder / "kernels.py").write_text(KERNEL.format(package="cut"))
    (folder / "parts.py").write_text(PART.format(package="cut"))
    return folder


def call(package: Path, **environment: str) -> tuple[int, int]:
    """The kernel's result in a process of its own, and how often its code came out of the cache."""
    process = subprocess.run(
        [sys.executable, "-c", CALL.format(package=package.name)],
        cwd=package.parent, env=os.environ | environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    result, hits = process.stdout.split()
    return int(result), int(hits)


def kept(package: Path) -> list[Path]:
    return sorted((package / "__pycache__").glob("*.nb[ic]"))


def test_a_kernel_follows_its_parts_in_other_files(package: Path) -> None:
    assert call(package) == (7, 0)
    assert call(package) == (7, 1)
    part = package / "parts.py"
    part.write_text(part.read_text().replace("a + b", "a * b"))  # of the same size, in the same second
    assert call(package) == (12, 0)


def test_the_code_of_former_sources_does_not_pile_up(package: Path) -> None:
    call(package)
    first = kept(package)
    assert len(first) == 2  # an index and the code
    (package / "__pycache__" / "kernels.total-5.py311.1.nbc").touch()  # as it was called before names held digests
    (package / "__pycache__" / "kernels.totals-9.py311.1.nbc").touch()  # of another kernel
    part = package / "parts.py"
    part.write_text(part.read_text().replace("a + b", "a - b"))
    assert call(package) == (-1, 0)
    *second, other = kept(package)
    assert other.name == "kernels.totals-9.py311.1.nbc"
    assert len(second) == 2
    assert not set(first) & set(second)


def test_where_no_cache_can_be_written_kernels_are_compiled_all_the_same(package: Path) -> None:
    """A file stands where the folder of the cache would be: not even root can write there."""
    (package / "__pycache__").touch()
    assert call(package, XDG_CACHE_HOME=os.devnull, HOME=os.devnull, NUMBA_CACHE_DIR="") == (7, 0)
    assert not list(package.rglob("*.nb[ic]"))


# --- which sources ----------------------------------------------------------------------------------------------------


def sources() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def compiled_functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """Those with a decorator that is called `kernel` or `part`, however that came there."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    pattern = re.compile(r"(\w+\.)*(kernel|part)")
    return [f for f in functions if any(pattern.fullmatch(ast.unparse(d)) for d in f.decorator_list)]


def test_every_file_with_a_kernel_or_a_part_is_in_the_digest() -> None:
    found = {path for path, tree in sources().items() if compiled_functions(tree)}
    assert len(found) > 10
    for path in found:
        assert "\nfrom asr.compiled import" in path.read_text(), path


def test_kernels_take_names_of_the_package_from_files_in_the_digest_only() -> None:
    """A constant of another file would be frozen into code that does not follow it."""
    trees = sources()
    for path, tree in trees.items():
        origin = {
            alias.asname or alias.name: node.module
            for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("asr")
            for alias in node.names
        }  # fmt: skip
        for function in compiled_functions(tree):
            names = {node.id for body in function.body for node in ast.walk(body) if isinstance(node, ast.Name)}
            for name in names & origin.keys():
                file = PACKAGE.parent / (origin[name].replace(".", "/") + ".py")
                assert compiled_functions(trees[file]), f"{path}: {function.name} takes {name} from {file}"
