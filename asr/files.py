"""Writing files so that a crash, a full disk or an interrupt never leaves half of one."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asr.errors import AsrError, OutputError, system_reason


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to `path` when the block ends well, removed when it does not.

    A link is written through; a device or a pipe, such as /dev/stdout, is given as it is, for it can not be replaced.

    Raises:
        OutputError: if the folder can not be made or the file can not be written. What stood at `path` before stays.
    """
    temporary: Path | None = None
    kept = ""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "there is a folder of this name")
        if path.exists() and not path.is_file():
            yield path
            return
        if path.exists():
            kept = "; the file that was there before is untouched"
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        # Only the beginning of the name: one that is as long as a name may be has no room for anything more.
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:32]}.", suffix=target.suffix, dir=target.parent)
        temporary = Path(name)
        os.close(handle)
        yield temporary
        _flush_to_disk(temporary)
        temporary.chmod(0o644)
        temporary.replace(target)
    except (FileExistsError, NotADirectoryError):
        raise OutputError(f"{path}: could not be written: one of the folders above it is a file") from None
    except OSError as error:
        raise OutputError(f"{path}: could not be written ({system_reason(error)}){kept}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder`, which must not be there, or be empty; renamed to it when the block ends well,
    removed when it does not.

    Raises:
        OSError: what the system says; only the caller knows what it was about to do.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        whole = Path(temporary) / folder.name
        whole.mkdir()
        yield whole
        whole.rename(folder)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    try:
        contents = text.encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(text[error.start]):04X}"
        raise OutputError(f"{path}: could not be written: the text holds {half}, half of a surrogate pair") from None
    with atomic_path(path) as temporary:
        temporary.write_bytes(contents)


def append_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 behind what is in a file, whole or not at all; a crash may leave a part of it.

    Raises:
        OutputError: the file can not be written; it is as it was.
    """
    size: int | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            size = file.tell()
            file.write(text.encode())
    except OSError as error:
        if size is not None:
            with suppress(OSError):
                os.truncate(path, size)
        raise OutputError(f"{path}: could not be written ({system_reason(error)})") from None


def read_lines(path: Path, error: type[AsrError]) -> list[str]:
    """The lines of a UTF-8 file, split at line feeds only: `str.splitlines` would also split at characters that may
    stand inside a text. A byte order mark and carriage returns at the ends of lines are left out.

    Raises:
        error: the file is missing, can not be read, or is not UTF-8; names the line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except OSError as reason:
        raise error(f"{path}: can not be read ({system_reason(reason)})") from None
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as reason:
        number = data.count(b"\n", 0, reason.start) + 1
        raise error(f"{path}, line {number}: not UTF-8 text; convert the file to UTF-8") from None
    if lines[-1] == "":  # what follows the last line feed is no line
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
