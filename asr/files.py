"""Writing files so that a crash, a full disk or an interrupt never leaves half of one, and reading them so that no
file, whatever it holds, fills the memory or causes a traceback."""

import codecs
import errno
import gzip
import json
import lzma
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, Any

from asr.errors import AsrError, OutputError, system_reason

MAX_BYTES = 4 * 2**30  # of a file that is read as a whole
_LONGEST_LINE = 2**24  # bytes
MAX_SIDE_BYTES = 16 * 2**20  # of one that holds settings, scores and the like
MAX_NESTING = 100  # of JSON; deeper values could be read, but not shown, compared or written
MAX_RATIO = 250  # of packed text; a book has 4, one sentence repeated has about 300 (gzip)
_UNSUSPICIOUS = 64 * 2**20  # bytes to which any packed file may expand
HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # JSON can escape one, but no file or terminal can show it
_PIECE = 2**24  # bytes that are read at once, as a pipe has no size
_HOPELESS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
_TEMPORARY = "????????"  # what mkstemp puts into a name
_FILE_ABOVE = "one of the folders above it is a file"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to `path` when the block ends well, removed when it does not.

    A link is written through; a device or a pipe, such as /dev/stdout, is yielded as it is, since it cannot be
    replaced.

    Raises:
        OutputError: if the folder cannot be made or the file cannot be written. What stood at `path` before stays.
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
        # Only the beginning of the name: one of maximal length has no room for more.
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:32]}.", suffix=target.suffix, dir=target.parent)
        temporary = Path(name)
        os.close(handle)
        yield temporary
        _flush_to_disk(temporary)
        temporary.chmod(0o644)
        temporary.replace(target)
    except (FileExistsError, NotADirectoryError):
        raise OutputError(f"{path}: could not be written: {_FILE_ABOVE}") from None
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
        OSError: the system's error; only the caller knows what it was doing.
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
    """Append `text` to a file as UTF-8, whole or not at all; only a crash may leave a part of it.

    Raises:
        OutputError: the file cannot be written; it is as it was.
    """
    size: int | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            size = file.tell()
            file.write(text.encode())
    except (FileExistsError, NotADirectoryError):
        raise OutputError(f"{path}: could not be written: {_FILE_ABOVE}") from None
    except OSError as error:
        if size is not None:
            with suppress(OSError):
                os.truncate(path, size)
        raise OutputError(f"{path}: could not be written ({system_reason(error)})") from error


def is_hopeless(error: OutputError) -> bool:
    """Whether other files cannot be written either: the disk is full or broken, or may only be read."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _HOPELESS


def remove_leftovers(folder: Path, names: str) -> None:
    """Remove temporary files that a killed `atomic_path` has left in a folder. `names`: a glob pattern for the final
    names. Only to be called while no other process writes these files.
    """
    for path in folder.glob(f".{names}.{_TEMPORARY}{Path(names).suffix}"):
        with suppress(OSError):
            path.unlink()


@contextmanager
def open_unpacked(path: Path, error: type[AsrError]) -> Iterator[IO[bytes]]:
    """A file to read from, unpacked while it is read if its name ends in `.gz` or `.xz`.

    Raises:
        error: it is missing, a device, not whole, cannot be read, or packed suspiciously tightly: a "zip bomb", of
            which a megabyte fills a gigabyte of memory.
    """
    try:
        with path.open("rb") as file:
            status = _refuse_device(file, path, error)
            most = max(_UNSUSPICIOUS, MAX_RATIO * status.st_size)
            refusal = error(f"{path}: holds more than {MAX_RATIO} times its size; unpack it to see what is in it")
            if path.suffix in (".gz", ".xz"):
                with gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else lzma.LZMAFile(file) as packed:
                    yield BufferedReader(_AtMost(packed, most, refusal))
            else:
                yield file
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as reason:
        form = "xz" if path.suffix == ".xz" else "gzip"
        raise error(f"{path}: not a whole {form} file ({reason}); copy or make it again") from None
    except (OSError, ValueError) as reason:  # ValueError: a name with a zero byte in it
        raise error(f"{path}: cannot be read ({system_reason(reason)})") from None


class _AtMost(RawIOBase):
    """Passes on what it reads from a file, and raises `refusal` after more than `most` bytes."""

    def __init__(self, file: gzip.GzipFile | lzma.LZMAFile, most: int, refusal: AsrError) -> None:
        self._file, self._left, self._refusal = file, most, refusal

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise self._refusal
        return count


def _refuse_device(file: IO[bytes], path: Path, error: type[AsrError]) -> os.stat_result:
    status = os.fstat(file.fileno())
    if stat.S_ISCHR(status.st_mode) and not os.isatty(file.fileno()):
        raise error(f"{path}: is a device, which may have no end; expected a file")
    return status


def read_bytes(path: Path, error: type[AsrError], *, max_bytes: int = MAX_BYTES) -> bytearray:
    """The contents of a file or a pipe.

    Raises:
        error: it is missing, a device, or larger than `max_bytes`, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            status = _refuse_device(file, path, error)
            is_too_large, data = status.st_size > max_bytes, bytearray()
            while not is_too_large and (piece := file.read(_PIECE)):
                data += piece
                is_too_large = len(data) > max_bytes
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except (OSError, ValueError) as reason:  # ValueError: a name with a zero byte in it
        raise error(f"{path}: cannot be read ({system_reason(reason)})") from None
    if is_too_large:
        raise error(
            f"{path}: is larger than {max_bytes / 2**20:,.0f} MiB, the most that is read; is it the right file?"
        )
    return data


def parse_json(text: str | bytes | bytearray) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested deeper than `MAX_NESTING`.
    """
    try:
        value = json.loads(text)
        brackets = text.count("[") + text.count("{") if isinstance(text, str) else MAX_NESTING + 1
        if brackets <= MAX_NESTING or not _is_deeper(value, MAX_NESTING):
            return value
    except RecursionError:
        pass
    raise ValueError(f"nested deeper than {MAX_NESTING} lists and objects")


def parse_object(line: str, where: str, error: type[AsrError]) -> dict[str, Any]:
    """The JSON object of a line; `where` is the place of the line, for messages.

    Raises:
        error: it is not JSON, or another value than an object.
    """
    try:
        value = parse_json(line)
    except ValueError:
        raise error(f"{where}: not JSON; expected one JSON object a line") from None
    if not isinstance(value, dict):
        raise error(f"{where}: expected a JSON object, found {type(value).__name__}")
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested more than `levels` deep."""
    layer = [value]
    for _ in range(levels + 1):
        containers = [one for one in layer if isinstance(one, dict | list)]
        layer = [item for one in containers for item in (one.values() if isinstance(one, dict) else one)]
        if not containers:
            return False
    return True


def read_lines(path: Path, error: type[AsrError]) -> list[str]:
    """The lines of a UTF-8 file, split at line feeds only: `str.splitlines` would also split at characters that may
    occur inside a text. A byte order mark and carriage returns at the ends of lines are left out.

    Raises:
        error: the file is missing, too large, cannot be read, or is not UTF-8; names the line.
    """
    data = read_bytes(path, error)
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as reason:
        number = data.count(b"\n", 0, reason.start) + 1
        raise error(f"{path}, line {number}: not UTF-8 text; convert the file to UTF-8") from None
    if lines[-1] == "":  # nothing follows the last line feed
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def stream_lines(path: Path, error: type[AsrError]) -> Iterator[str]:
    """The lines of `read_lines` one by one, for a file of any size.

    Raises:
        error: the file is missing or a device, cannot be read, has a line of more than 16 MiB, or is not UTF-8; names
            the line.
    """
    number = 0
    try:
        with path.open("rb") as file:
            _refuse_device(file, path, error)
            for number, raw in enumerate(iter(lambda: file.readline(_LONGEST_LINE + 1), b""), start=1):
                if len(raw) > _LONGEST_LINE:
                    raise error(f"{path}, line {number}: is longer than 16 MiB; is it the right file?")
                line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
                if line:  # a byte order mark alone is not a line
                    yield line.decode().removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise error(f"{path}, line {number}: not UTF-8 text; convert the file to UTF-8") from None
    except (OSError, ValueError) as reason:  # ValueError: a name with a zero byte in it
        raise error(f"{path}: cannot be read ({system_reason(reason)})") from None


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
