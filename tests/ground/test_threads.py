"""No more threads than there are CPUs for this process."""

import os
from pathlib import Path

import pytest

from asr import threads
from asr.threads import num_threads


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Eight CPUs, no container."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "_QUOTA", tmp_path / "cpu.max")


def test_as_many_as_the_process_is_bound_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert num_threads() == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {5})  # as by `taskset -c 5`
    assert num_threads() == 1


@pytest.mark.parametrize(
    ("quota", "expected"), [("100000 100000", 1), ("250000 100000", 3), ("50000 100000", 1), ("max 100000", 8), ("", 8)]
)
def test_no_more_than_the_quota_of_the_container(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert num_threads() == expected


@pytest.mark.parametrize(("wanted", "expected"), [("3", 3), ("0", 8), ("", 8), ("many", 8)])
def test_a_number_that_is_asked_for(monkeypatch: pytest.MonkeyPatch, wanted: str, expected: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert num_threads() == expected
