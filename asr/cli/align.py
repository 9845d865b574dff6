"""`asr align`: sound file + its text -> when each word is said."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from asr.formats import FORMATS, render

Format = StrEnum("Format", {name: name for name in FORMATS})  # type: ignore[misc]  # mypy wants the names written out
"""How the transcript is written."""

CTM = Format("ctm")


def align(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] AUDIO TEXT",
            help="Model folder or name, unless the default is meant; a sound file of any format and rate; a text file "
            "with the words said in it, - for stdin.",
            show_default=False,
        ),
    ],
    format: Annotated[Format, typer.Option(help="How it is written: docs/transcribe.md describes each.")] = CTM,
    output: Annotated[Path | None, typer.Option(help="Write here instead of on stdout.")] = None,
) -> None:
    """Find when each word of a known text is said in a sound file, with a confidence (forced alignment)."""
    from asr.files import write_text
    from asr.recognizer import Recognizer

    if len(arguments) not in (2, 3):
        raise typer.BadParameter(f"expected a sound file and a text, found {len(arguments)} arguments")
    *model, audio, text = arguments
    recognizer = Recognizer.load(model[0] if model else None, device="auto")
    transcript = recognizer.align(Path(audio), _read(Path(text)))
    shown = render(transcript, format)
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
