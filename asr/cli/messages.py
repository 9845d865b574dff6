"""What goes wrong, told on stderr in one line."""

import sys


def complain(problem: object) -> None:
    """Print an error, or another problem, as one line on stderr."""
    print(f"asr: {one_line(str(problem))}", file=sys.stderr)


def one_line(text: str) -> str:
    r"""Characters that a terminal would act on, and a file's name may hold, are shown as \n, \x1b and so on."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
