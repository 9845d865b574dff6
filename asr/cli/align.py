"""`asr align`: sound file + its text -> when each word is said."""

from pathlib import Path
from typing import Annotated

import typer

from asr.cli.formats import CTM, Format
from asr.formats import FORMATS


def align(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")],
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="Sound file, of any format and rate.")],
    text: Annotated[Path, typer.Argument(metavar="TEXT", help="Text file with the words said in it; - for stdin.")],
    format: Annotated[Format, typer.Option(help="NIST's CTM, Praat's TextGrid, one JSON object, or text.")] = CTM,
    output: Annotated[Path | None, typer.Option(help="Write here instead of on stdout.")] = None,
) -> None:
    """Find when each word of a known text is said in a sound file, with a confidence (forced alignment)."""
    from asr.files import write_text
    from asr.recognizer import Recognizer

    shown = FORMATS[format](Recognizer.load(model, device="auto").align(audio, _read(text)))
    if output is None:
        print(shown, end="")
    else:
        write_text(output, shown)


def _read(path: Path) -> str:
    import sys

    from asr.errors import TokensError
    from asr.files import read_lines

    if path != Path("-"):
        return "\n".join(read_lines(path, TokensError))
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TokensError("stdin: not UTF-8 text; convert it to UTF-8") from None
