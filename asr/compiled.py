"""How loops that NumPy cannot do are compiled: by numba, cached on disk, and releasing the GIL."""

import functools
import hashlib
import inspect
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core import event as events

from asr.errors import CompileWarning, NoCacheWarning

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


class _Announcement(events.Listener):  # type: ignore[misc]  # numba has no types
    """Says, once in a process, that kernels are being compiled: numba tells when its cache has none."""

    is_cached = True
    was_made = False

    def on_start(self, event: Any) -> None:
        if self.was_made:
            return
        self.was_made = True
        if self.is_cached:
            warnings.warn("compiling for this machine, once: some 10 seconds", CompileWarning, stacklevel=2)
        else:
            lack = "no folder for compiled code can be written, so each start compiles for some 10 seconds"
            warnings.warn(f"{lack}; set NUMBA_CACHE_DIR to one that can", NoCacheWarning, stacklevel=2)

    def on_end(self, event: Any) -> None: ...


_announcement = _Announcement()
events.register("numba:compile", _announcement)


def kernel(function: AnyFunction) -> AnyFunction:
    """Compile `function` when it is first called. Its annotations are for readers and mypy; numba finds its own types.

    The machine code is kept in numba's cache under a name with a digest of all sources that it may come from: numba
    itself checks only the file of the kernel, and would go on using outdated code after a change in another file.
    """
    plain = inspect.unwrap(function)  # tests wrap it in a type check
    name = plain.__qualname__
    plain.__qualname__ = f"{name}.{_digest_of_sources()}"
    try:
        compiled: Any = njit(nogil=True, cache=True, no_cfunc_wrapper=True)(plain)
    except RuntimeError:  # no cache folder is writable, as in some containers: compile at every start
        compiled = njit(nogil=True, no_cfunc_wrapper=True)(plain)
        _announcement.is_cached = False
    else:
        _remove_outdated(Path(compiled.stats.cache_path), f"{Path(inspect.getfile(plain)).stem}.{name}")
    kept: AnyFunction = compiled
    return kept


def part(function: AnyFunction) -> AnyFunction:
    """Compile a part of a kernel: only kernels can call it, and it makes no arrays.

    Without an entry point from Python there is much less to compile; without arrays of its own it need not count
    references to its arguments, which for the many arrays of a named tuple would cost more than all else.
    """
    make = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False, forceinline=True)
    compiled: AnyFunction = make(inspect.unwrap(function))
    return compiled


@functools.cache
def _digest_of_sources() -> str:
    """Of this file, and of each file of the package that imports from it: all sources of kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if f"from {__name__} import".encode() in source or path == Path(__file__):
            digest.update(source)
    return digest.hexdigest()[:16]


def _remove_outdated(cache: Path, name: str) -> None:
    """Remove this kernel's outdated versions from the cache, which nothing will use again."""
    current = f"{name}.{_digest_of_sources()}-"
    with suppress(OSError):  # only tidying up: another process may be doing the same
        for path in cache.iterdir():
            if path.name.startswith((f"{name}.", f"{name}-")) and not path.name.startswith(current):
                path.unlink(missing_ok=True)
