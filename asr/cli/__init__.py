"""The command line: one file a verb, no logic. Results go to stdout, everything else to stderr."""

import os
import sys

import typer

from asr.cli.evaluate import evaluate
from asr.cli.inspect import inspect
from asr.cli.score import score
from asr.cli.train import train
from asr.cli.transcribe import transcribe
from asr.errors import AsrError, Interrupted

app = typer.Typer(
    name="asr",
    help="Train a speech recogniser, transcribe sound files, measure word error rates.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for verb in (train, transcribe, evaluate, score, inspect):
    app.command()(verb)


def main() -> None:
    """Run `asr`: exits 0 when all went well, 2 with one line on stderr for bad input, 130 after Ctrl-C."""
    # OpenMP threads that spin while they wait slow a busy machine down by a factor of ten and more.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        app()
    except Interrupted as interrupt:
        print(f"asr: {interrupt}", file=sys.stderr)
        sys.exit(130)
    except AsrError as error:
        print(f"asr: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        print(f"asr: {interrupt}" if str(interrupt) else "asr: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
