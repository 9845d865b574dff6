"""The command line: one file a verb, no logic. Results go to stdout, everything else to stderr."""

import io
import os
import sys
from typing import Annotated

import typer

from asr.cli.align import align
from asr.cli.average import average
from asr.cli.doctor import doctor
from asr.cli.evaluate import evaluate
from asr.cli.export import export
from asr.cli.import_ import import_
from asr.cli.inspect import inspect
from asr.cli.listen import listen
from asr.cli.lm import lm_app
from asr.cli.messages import complain, complain_of_warnings
from asr.cli.models import models
from asr.cli.report import report
from asr.cli.score import score
from asr.cli.serve import serve
from asr.cli.shard import shard
from asr.cli.train import train
from asr.cli.transcribe import transcribe
from asr.cli.tune import tune
from asr.cli.version import show_version
from asr.errors import AsrError, Interrupted, system_reason
from asr.extras import needs_extra

app = typer.Typer(
    name="asr",
    help="Train a speech recogniser, transcribe sound files, measure word error rates.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for verb in (
    doctor, shard, train, average, tune, transcribe, listen, serve, align, evaluate, export, models, score, inspect,
    report,
):  # fmt: skip
    app.command()(verb)
app.command("import")(import_)
app.add_typer(lm_app, name="lm")


@app.callback()
def _all_verbs(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the versions and exit.")
    ] = False,
) -> None: ...


def main() -> None:
    """Run `asr`: exits 0 when all went well, 2 with one line on stderr for bad input, 130 after Ctrl-C."""
    # Threads that spin while waiting make a busy machine ten times slower: docs/decisions/0002-threads.md.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    if isinstance(sys.stdout, io.TextIOWrapper):  # whatever the locale; file names that are not UTF-8 pass unchanged
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    complain_of_warnings()
    try:
        try:
            with needs_extra(sys.argv[1] if len(sys.argv) > 1 else "this"):
                app(prog_name="asr")
        finally:
            sys.stdout.flush()
    except Interrupted as interrupt:
        complain(interrupt)
        sys.exit(130)
    except AsrError as error:
        complain(error)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output, such as `head`, has closed it
        _drop_output()
        sys.exit(1)
    except OSError as error:
        place = error.filename or ("the output" if error.errno else "")  # without an errno it does not concern files
        complain(f"{place}: {system_reason(error)}" if place else system_reason(error))
        _drop_output()
        sys.exit(2)


def _drop_output() -> None:
    """Discard unwritten output: Python would try to write it again at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
