"""Fetching a file from one of several addresses: goes on where a broken download stopped, checks the checksum."""

import hashlib
import http.client
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TypeAlias
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from urllib.response import addinfourl

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from asr.errors import CorpusError, OutputError, system_reason

TIMEOUT_S = 30.0  # seconds of silence after which a server counts as gone
CHUNK_BYTES = 1 << 18

_Response: TypeAlias = http.client.HTTPResponse | addinfourl  # the second one of a file:// address

# OSError holds URLError, refused and reset connections, and timeouts; ValueError is an invalid address.
_TRANSFER_ERRORS = (OSError, http.client.HTTPException, ValueError)


def download(
    urls: Sequence[str], path: Path, *, sha256: str | None, remedy: str = "or give the file with --archive"
) -> Path:
    """Fetch `path` from the first of `urls` (the home, then its mirrors) that gives it; progress goes to stderr.

    A file that is there already is not fetched again, unless its checksum is wrong. During the download, the file is a
    `.part` beside `path`, one for each address, since mirrors may have packed the same corpus differently. A part is
    continued by an HTTP Range request where the server allows that.

    Args:
        sha256: the expected SHA-256, in lower-case hex; None if the contents are checked in another way.
        remedy: what else helps where it cannot be fetched, for the message.

    Raises:
        CorpusError: names every address with the reason why it failed: no answer, a broken connection, a web page in
            place of the file, or a wrong checksum (found and expected); a part with a wrong checksum is removed.
        OutputError: if the file cannot be written.
    """
    if path.is_file() and sha256 in (None, _sha256(path)):
        return path
    failures = []
    for url in urls:
        part = _part(path, url)
        try:
            _fetch(url, part)
        except _TRANSFER_ERRORS as error:
            failures.append(f"{url}: {_reason(error)}")
            continue
        if sha256 in (None, found := _sha256(part)):
            with _writing(path):
                part.replace(path)
                for other in urls:
                    _part(path, other).unlink(missing_ok=True)
            return path
        part.unlink()
        failures.append(f"{url}: wrong checksum, the file's sha256 is {found}, expected {sha256}")
    raise CorpusError(
        f"{path}: could not be fetched from any address: {'; '.join(failures)}; "
        f"run again later (it goes on where it stopped), {remedy}"
    )


def _fetch(url: str, part: Path) -> None:
    start = part.stat().st_size if part.is_file() else 0
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        part.unlink()  # the part is not shorter than the file, so it is not its beginning
        return _fetch(url, part)
    with response:
        # A home that has moved often answers every address with its front page.
        if response.headers.get_content_type() == "text/html":
            raise ConnectionError("a web page came in place of the file")
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            start = 0  # the server does not know Range: the whole file comes again
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise ConnectionError("the server sent another range of the file than it was asked for")
        length = response.headers.get("Content-Length")
        _write(response, part, start=start, total=None if length is None else start + int(length))


def _write(response: _Response, part: Path, *, start: int, total: int | None) -> None:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    description = TextColumn("{task.description}", markup=False)
    with Progress(description, *columns, console=Console(stderr=True)) as progress, _writing(part):
        bar = progress.add_task(part.name, total=total, completed=start)
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab" if start else "wb") as file:
            for chunk in _chunks(response):
                file.write(chunk)
                progress.update(bar, advance=len(chunk))
    found = part.stat().st_size
    if total is not None and found != total:
        raise ConnectionError(f"the connection broke after {found} of {total} bytes")


def _chunks(response: _Response) -> Iterator[bytes]:
    try:
        while chunk := response.read(CHUNK_BYTES):
            yield chunk
    except OSError as error:  # as a ConnectionError, not to be taken for a failure to write
        raise http.client.HTTPException(_reason(error)) from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: could not be written ({system_reason(error)})") from None


def _part(path: Path, url: str) -> Path:
    return path.with_name(f"{path.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server answers {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    return " ".join(str(cause).split()) or type(cause).__name__
