"""`asr report`: a run folder -> a page to look at."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, as `asr train` writes it.")],
) -> None:
    """Write a page on a training, RUN/report.html: curves, examples, speed, settings. Pictures also in RUN/report."""
    from asr.reporting import write_report

    print(write_report(run))
