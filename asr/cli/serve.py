"""`asr serve`: models behind the addresses that clients of OpenAI's transcription service know."""

from typing import Annotated

import typer


def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help="Model folders or names. Default: the installed one."),
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 is open to the network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
) -> None:
    """Transcribe over HTTP, for any client of OpenAI's API: POST /v1/audio/transcriptions."""
    from asr.extras import needs_extra

    with needs_extra("asr serve"):
        from asr.serving.server import run_server

        run_server(models or [], host=host, port=port)
