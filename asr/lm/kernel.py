"""How the loops that numpy can not do are compiled: by numba, kept in its cache on disk, without Python's lock."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def kernel(function: AnyFunction) -> AnyFunction:
    """Compile `function` when it is first called. Its annotations are for readers and mypy; numba finds its own types.

    numba does not see changes of a kernel in another file: after one, delete `__pycache__` of the files that call it.
    """
    plain = inspect.unwrap(function)  # tests wrap it in a type check
    try:
        compiled: AnyFunction = njit(nogil=True, cache=True)(plain)
    except RuntimeError:  # no folder for the cache can be written, as in some containers: compiled at every start
        compiled = njit(nogil=True)(plain)
    return compiled


def part(function: AnyFunction) -> AnyFunction:
    """A part of a kernel: only other kernels can call it, and it makes no arrays.

    Without a way in from Python there is much less to compile; without arrays of its own it need not count references
    to those that it is given, which for the many arrays of a named tuple would cost more than all else.
    """
    make = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
    compiled: AnyFunction = make(inspect.unwrap(function))
    return compiled
