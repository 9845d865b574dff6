"""Errors and warnings on stderr, one line each."""

import os
import re
import sys
import warnings
from typing import Any

from asr.errors import AsrWarning, CompileWarning

_ACTS_ON_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def complain(problem: object) -> None:
    """Print an error, or another problem, as one line on stderr."""
    print(f"asr: {one_line(str(problem))}", file=sys.stderr)


def complain_of_warnings() -> None:
    """From here on, an AsrWarning is printed like an error, in one line; other warnings as Python does."""
    as_usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, CompileWarning) and not sys.stderr.isatty():
            return
        if issubclass(category, AsrWarning):
            complain(message)
        else:
            as_usual(message, category, *rest, **more)

    warnings.showwarning = show


def shown_path(path: os.PathLike[str] | str) -> str:
    """A file name for use in a line: characters that would break the line or control a terminal are escaped; the rest,
    even if not UTF-8, is unchanged."""
    return _ACTS_ON_A_LINE.sub(lambda found: one_line(found[0]), os.fspath(path))


def one_line(text: str) -> str:
    r"""Control characters, which a file name may hold and a terminal would act on, are shown as \n, \x1b and so on."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
