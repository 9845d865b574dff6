"""`asr transcribe`: sound files -> text."""

from pathlib import Path
from typing import Annotated

import typer


def transcribe(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Sound files, of any format and rate.")],
    hotwords: Annotated[
        Path | None,
        typer.Option(metavar="LIST", help="Words and phrases to expect, one a line; a weight may follow after a tab."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a file, with the times and confidence of each word.")
    ] = False,
) -> None:
    """Write what is said in sound files. Files that can not be read are named, the others are still transcribed."""
    import json as json_module

    from asr.cli.messages import complain, shown_path
    from asr.errors import AudioError
    from asr.recognizer import Recognizer, default_device
    from asr.search.fusion.hotwords import read_hotwords

    expected = None if hotwords is None else read_hotwords(hotwords)
    recognizer = Recognizer.load(model, device=default_device(), hotwords=expected)
    num_failed = 0
    for file in files:
        try:
            transcript = recognizer.transcribe(file)
        except AudioError as error:
            num_failed += 1
            complain(error)
            continue
        if json:
            record = {"audio_filepath": str(file), **transcript.to_json()}
            print(json_module.dumps(record, ensure_ascii=False), flush=True)
        else:
            print(transcript.text if len(files) == 1 else f"{shown_path(file)}\t{transcript.text}", flush=True)
    if num_failed:
        raise typer.Exit(2)
