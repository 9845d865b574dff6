"""`asr serve`: models behind the addresses that clients of OpenAI's transcription service know."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help="Model folders or names. Default: the installed one."),
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 is open to the network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    keys: Annotated[Path | None, typer.Option(help="A file of keys, one a line; clients need one of them.")] = None,
    origins: Annotated[
        list[str] | None,
        typer.Option("--origin", metavar="URL", help="A web page that may use it, as https://asr.example.com."),
    ] = None,
) -> None:
    """Transcribe over HTTP, for any client of OpenAI's API: POST /v1/audio/transcriptions."""
    from asr.extras import needs_extra

    with needs_extra("asr serve"):
        from asr.serving.access import access_for
        from asr.serving.server import run_server

        access = access_for(host, keys=keys, origins=origins or ())
        run_server(models or [], host=host, port=port, access=access)
