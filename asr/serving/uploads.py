"""A multipart request -> a sound in a file of its own, and the fields beside it; refused as soon as it is too large,
or its client too slow."""

import asyncio
import errno
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

_MOST_FIELDS = 2000
_MOST_FIELD_BYTES = 100_000
_STALLED = 30.0  # seconds without a byte
_MOST_SECONDS = 1800.0
_FULL = (errno.ENOSPC, errno.EDQUOT)


class RefusedError(Exception):
    """A request that cannot be answered: the status, and the message, field and code of the error object."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code


@dataclass(frozen=True, slots=True)
class Upload:
    """The sound, and the fields by name, each as often as it came."""

    sound: Path
    fields: Sequence[tuple[str, str]]

    def all(self, *names: str) -> list[str]:
        """The values of the fields of these names."""
        return [value for name, value in self.fields if name in names]

    def last(self, name: str) -> str:
        """The value of a field; empty if it is not there."""
        return next((value for key, value in reversed(self.fields) if key == name), "")


@asynccontextmanager
async def received(request: Request, *, most_bytes: int) -> AsyncIterator[Upload]:
    """The upload of a request; its file is removed when the block ends.

    Raises:
        RefusedError: it is no form, has no file, or is too large.
    """
    _refuse_too_large(request, most_bytes)
    with _reasons():
        form = await _form(request, most_bytes)
    with tempfile.TemporaryDirectory(prefix="asr-upload-") as folder:
        sound = Path(folder) / "sound"
        try:
            with _reasons():
                await to_thread.run_sync(_save, _file_of(form), sound)
            fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        finally:
            await form.close()
        yield Upload(sound, fields)


async def _form(request: Request, most_bytes: int) -> FormData:
    counted = Request(request.scope, _counted(request.receive, most_bytes))
    async with asyncio.timeout(_MOST_SECONDS):
        return await counted.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES)


@contextmanager
def _reasons() -> Iterator[None]:
    """Failures as what the client is told."""
    try:
        yield
    except HTTPException as error:
        raise RefusedError(400, f"the form cannot be read: {error.detail}") from None
    except ClientDisconnect:
        raise RefusedError(499, "the client has gone") from None
    except TimeoutError:
        raise RefusedError(408, "the upload takes too long, or has stopped") from None
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise RefusedError(507, "the server's disk is full; try again later", code="disk_full") from None


def _file_of(form: FormData) -> UploadFile:
    files = [(name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)]
    for name, value in files:
        if name == "file":
            return value
    found = f"a file in the field {files[0][0][:100]!r}" if files else "no file"
    raise RefusedError(400, f"expected the sound as the field 'file', found {found}", param="file", code="missing_file")


def _save(file: UploadFile, path: Path) -> None:
    file.file.seek(0)
    with path.open("wb") as copy:
        shutil.copyfileobj(file.file, copy)


def _too_large(most_bytes: int) -> RefusedError:
    message = f"the request has more than {most_bytes:,} bytes; send a shorter or a compressed sound"
    return RefusedError(413, message, param="file", code="too_large")


def _refuse_too_large(request: Request, most_bytes: int) -> None:
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most_bytes:
        raise _too_large(most_bytes)


def _counted(receive: Any, most_bytes: int) -> Any:
    num_bytes = 0

    async def counting() -> Message:
        nonlocal num_bytes
        message: Message = await asyncio.wait_for(receive(), _STALLED)
        num_bytes += len(message.get("body", b""))
        if num_bytes > most_bytes:
            raise _too_large(most_bytes)
        return message

    return counting
