"""`asr transcribe`: sound files -> text."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from asr.cli.formats import TXT, Format
from asr.formats import FORMATS


def transcribe(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Sound files, of any format and rate.")],
    hotwords: Annotated[
        Path | None,
        typer.Option(metavar="LIST", help="Words and phrases to expect, one a line; a weight may follow after a tab."),
    ] = None,
    engine: Annotated[
        Literal["auto", "torch", "onnx"],
        typer.Option(help="What runs the network; auto: the quicker one that is there."),
    ] = "auto",
    format: Annotated[Format, typer.Option(help="Plain text, or with times and confidence of each word.")] = TXT,
) -> None:
    """Transcribe sound files. Files that cannot be read are named; the others are still transcribed."""
    from asr.cli.messages import complain, shown_path
    from asr.errors import AudioError
    from asr.recognizer import Recognizer
    from asr.search.fusion.hotwords import read_hotwords
    from asr.transcription.jobs import transcribe_files

    expected = None if hotwords is None else read_hotwords(hotwords)
    recognizer = Recognizer.load(model, device="auto", engine=engine, hotwords=expected)
    num_failed = 0
    for result in transcribe_files(recognizer, files):
        if isinstance(result.outcome, AudioError):
            num_failed += 1
            complain(result.outcome)
        elif format is TXT and len(files) > 1:
            print(f"{shown_path(result.source)}\t{result.outcome.text}", flush=True)
        else:
            print(FORMATS[format](result.outcome), end="", flush=True)
    if num_failed:
        raise typer.Exit(2)
