"""Only one process at a time trains into a run folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from asr.errors import OutputError, TrainingError, system_reason

try:
    import fcntl
except ImportError:  # on Windows the folder is not locked
    fcntl = None  # type: ignore[assignment]

_held: set[TextIO] = set()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a run folder. The system releases it when the process ends, however it ends.

    Raises:
        TrainingError: another process holds it.
        OutputError: the folder cannot be written.
    """
    if fcntl is None:
        yield
        return
    path, was_there = folder / "training.lock", folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise OutputError(f"{folder}: could not be written ({system_reason(error)})") from None
    with file, _not_for_children(file):
        _lock(file, folder)
        try:
            yield
        finally:
            if not was_there and list(folder.iterdir()) == [path]:  # a training that could not begin leaves nothing
                path.unlink()
                folder.rmdir()


@contextmanager
def _not_for_children(file: TextIO) -> Iterator[None]:
    """Forked processes close their copy: a loader process that outlives a killed trainer would hold the lock."""
    _held.add(file)
    try:
        yield
    finally:
        _held.discard(file)


def _close_in_child() -> None:
    for file in _held:
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


def _lock(file: TextIO, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip()
        raise TrainingError(
            f"{folder}: another process{f' ({holder})' if holder else ''} is training into this folder; "
            "wait for it, or give another folder with --run"
        ) from None
    except OSError:  # a file system without locks
        return
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
