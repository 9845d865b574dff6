"""How the loops that numpy cannot do are compiled: by numba, kept in its cache on disk, without Python's lock."""

import functools
import hashlib
import inspect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def kernel(function: AnyFunction) -> AnyFunction:
    """Compile `function` when it is first called. Its annotations are for readers and mypy; numba finds its own types.

    The machine code is kept in numba's cache under a name with the digest of all sources that it may be made of: numba
    itself looks at the file of the kernel only, and would go on using code whose parts, in other files, have changed.
    """
    plain = inspect.unwrap(function)  # tests wrap it in a type check
    name = plain.__qualname__
    plain.__qualname__ = f"{name}.{_digest_of_sources()}"
    try:
        compiled: Any = njit(nogil=True, cache=True, no_cfunc_wrapper=True)(plain)
    except RuntimeError:  # no folder for the cache can be written, as in some containers: compiled at every start
        compiled = njit(nogil=True, no_cfunc_wrapper=True)(plain)
    else:
        _remove_outdated(Path(compiled.stats.cache_path), f"{Path(inspect.getfile(plain)).stem}.{name}")
    kept: AnyFunction = compiled
    return kept


def part(function: AnyFunction) -> AnyFunction:
    """A part of a kernel: only other kernels can call it, and it makes no arrays.

    Without a way in from Python there is much less to compile; without arrays of its own it need not count references
    to those that it is given, which for the many arrays of a named tuple would cost more than all else.
    """
    make = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False, forceinline=True)
    compiled: AnyFunction = make(inspect.unwrap(function))
    return compiled


@functools.cache
def _digest_of_sources() -> str:
    """Of this file, and of each file of the package that imports from it: all that kernels are made of."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if f"from {__name__} import".encode() in source or path == Path(__file__):
            digest.update(source)
    return digest.hexdigest()[:16]


def _remove_outdated(cache: Path, name: str) -> None:
    """Remove what the cache holds of this kernel from other sources, for nobody will ask for it again."""
    current = f"{name}.{_digest_of_sources()}-"
    with suppress(OSError):  # it is only tidying: another process may be at it too
        for path in cache.iterdir():
            if path.name.startswith((f"{name}.", f"{name}-")) and not path.name.startswith(current):
                path.unlink(missing_ok=True)
