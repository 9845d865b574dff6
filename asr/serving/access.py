"""Who may use the server: API keys from a file, and the web pages and names by which browsers may reach it."""

import hashlib
import hmac
import re
import stat
import warnings
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from asr.errors import AsrWarning, SettingsError, system_reason
from asr.serving.uploads import RefusedError

_KEY = re.compile(r"[!-~]+")  # what a header can carry
_HERE = ("localhost", "127.0.0.1", "[::1]")
_ORIGIN = re.compile(r"\*|https?://[^/?#\s]+")


class Keys:
    """API keys, of which only digests are kept: nothing that could be printed."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def accept(self, key: str) -> bool:
        """Whether it is one of them; takes as long whatever is wrong with it, and however many match."""
        wanted, is_known = _digest(key), False
        for digest in self._digests:
            is_known |= hmac.compare_digest(digest, wanted)
        return is_known


@dataclass(frozen=True, slots=True)
class Access:
    """`keys`: one of them is asked for; None: nobody is asked. `origins`: web pages that may use the server, beside its
    own, "*" for any. `hosts`: names by which it may be called, lower case, without port; None: any.
    """

    keys: Keys | None = None
    origins: tuple[str, ...] = ()
    hosts: frozenset[str] | None = None


def access_for(host: str, *, keys: Path | None, origins: Iterable[str]) -> Access:
    """The access to a server that listens at `host`. One that only this machine reaches answers to no other machine's
    name, so that no web page can pass for it by a name of its own (DNS rebinding).

    Raises:
        SettingsError: the file of keys cannot be used, or an origin is none.
    """
    origins = tuple(origins)
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(f"--origin {origin}: expected the start of an address, such as https://asr.example.com")
    names = {(urlsplit(origin).hostname or "").lower() for origin in origins}
    is_local = host in ("localhost", "::1") or host.startswith("127.")
    hosts = frozenset({*_HERE, host, *names} - {""}) if is_local and "*" not in origins else None
    return Access(read_keys(keys) if keys else None, origins, hosts)


def read_keys(path: Path) -> Keys:
    """The keys in a file: one a line; empty lines, and lines that begin with #, are none. No message shows a key.

    Raises:
        SettingsError: it cannot be read, has no key, or a line has a space or a letter that no header can carry.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as a file of keys: {system_reason(error)}") from None
    keys = []
    for number, line in enumerate(lines, 1):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        if not _KEY.fullmatch(key):
            raise SettingsError(f"{path}, line {number}: expected one key, of ASCII letters, digits and signs")
        keys.append(key)
    if not keys:
        raise SettingsError(f"{path}: has no key; write one a line, such as the output of: openssl rand -hex 32")
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.warn(f"{path}: others may read these keys; chmod 600 ends that", AsrWarning, stacklevel=2)
    return Keys(keys)


def asks_for_key(keys: Keys | None) -> Callable[[HTTPConnection], Awaitable[None]]:
    """What a route depends on that only clients with a key may use (`Authorization: Bearer KEY`)."""

    async def check(connection: HTTPConnection) -> None:
        if keys is None:
            return
        kind, _, key = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not keys.accept(key.strip()):
            found = "an unknown key" if key else "no key"
            message = f"found {found}; expected the header 'Authorization: Bearer KEY' with a key of this server"
            raise RefusedError(401, message, code="invalid_api_key")

    return check


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
