"""Saving that goes wrong: the old model or the new one is there, whole."""

import errno
import os
import pathlib
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from asr.errors import ModelError, OutputError
from asr.model_folder import FILES
from asr.recognizer import Recognizer
from tests.support.model_folders import contents, same
from tests.support.talkative import talkative


def test_a_full_disk_leaves_the_old_model_and_says_so(
    folder: Path, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, written = contents(folder), []

    def fill_up(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(OutputError, match=r"No space left on device.*the model that was there before is untouched"):
        talkative(1).save(folder)
    assert contents(folder) == before
    assert same(Recognizer.load(folder), recognizer)
    written.clear()
    with pytest.raises(OutputError, match=r"No space left on device\)$"):
        talkative(1).save(folder.parent / "new")
    assert not (folder.parent / "new").exists()


def test_a_file_that_the_kernel_refuses_to_grow_leaves_the_old_model(folder: Path, recognizer: Recognizer) -> None:
    before = contents(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OutputError, match=r"File too large.*untouched"):
            talkative(1).save(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(folder) == before
    assert same(Recognizer.load(folder), recognizer)


def test_a_file_in_the_place_of_the_folder_is_refused_and_stays(tmp_path: Path, recognizer: Recognizer) -> None:
    (tmp_path / "model").write_text("mine")
    with pytest.raises(OutputError, match="model: the model could not be written"):
        recognizer.save(tmp_path / "model")
    assert (tmp_path / "model").read_text() == "mine"


P = ParamSpec("P")


T = TypeVar("T")


class Killed(BaseException):
    pass


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `step` operations on the disk pass, then none any more, as if the process were gone."""
    done = []

    def guard(function: Callable[P, T]) -> Callable[P, T]:
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            done.append(function)
            if len(done) > step:
                raise Killed
            return function(*args, **kwargs)

        return guarded

    for name in ("open", "mkdir", "rename", "replace", "rmdir"):
        monkeypatch.setattr(pathlib.Path, name, guard(getattr(pathlib.Path, name)))
    monkeypatch.setattr(os, "fsync", guard(os.fsync))
    monkeypatch.setattr(shutil, "rmtree", guard(shutil.rmtree))


@pytest.mark.parametrize("there_before", [True, False])
def test_a_save_that_is_killed_at_any_step_leaves_the_old_or_the_new_model(
    tmp_path: Path, recognizer: Recognizer, there_before: bool
) -> None:
    new, later, folder = talkative(1), talkative(2), tmp_path / "model"
    outcomes = []
    for step in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if there_before:
            recognizer.save(folder)
        with pytest.MonkeyPatch.context() as patch:
            kill_at(step, patch)
            try:
                new.save(folder)
                outcomes.append("done")
            except Killed:
                pass
        outcomes += [outcome_of(folder, recognizer, new)]
        later.save(folder)
        assert same(Recognizer.load(folder), later)
        assert set(contents(folder)) == {*FILES, "README.md"}
        assert sorted(path.name for path in folder.iterdir()) == sorted({*FILES, "README.md"})
        if "done" in outcomes:
            break
    first_new = outcomes.index("new")
    assert outcomes[:first_new] == ["old" if there_before else "none"] * first_new
    assert set(outcomes[first_new:]) == {"new", "done"}
    assert first_new >= 8
    assert len(outcomes) - first_new >= 6


def outcome_of(folder: Path, old: Recognizer, new: Recognizer) -> str:
    try:
        loaded = Recognizer.load(folder)
    except ModelError:
        return "none"
    if same(loaded, old):
        return "old"
    assert same(loaded, new)
    return "new"
