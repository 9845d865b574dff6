"""What goes wrong, told on stderr in one line."""

import os
import re
import sys
import warnings
from typing import Any

from asr.errors import AudioWarning

_ACTS_ON_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def complain(problem: object) -> None:
    """Print an error, or another problem, as one line on stderr."""
    print(f"asr: {one_line(str(problem))}", file=sys.stderr)


def complain_of_warnings() -> None:
    """From here on, what is odd about a sound file is told as errors are; other warnings as Python tells them."""
    as_usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, AudioWarning):
            complain(message)
        else:
            as_usual(message, category, *rest, **more)

    warnings.showwarning = show


def shown_path(path: os.PathLike[str] | str) -> str:
    """A file's name as a part of a line: what would break the line or act on a terminal is escaped, the rest, also
    what is no UTF-8, is as it is."""
    return _ACTS_ON_A_LINE.sub(lambda found: one_line(found[0]), os.fspath(path))


def one_line(text: str) -> str:
    r"""Characters that a terminal would act on, and a file's name may hold, are shown as \n, \x1b and so on."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
