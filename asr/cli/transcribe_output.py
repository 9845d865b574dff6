"""What `asr transcribe` shows: results on stdout; on stderr how far it is, what it passed over, and what went wrong."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from asr.cli.messages import complain, one_line, shown_path
from asr.errors import Interrupted, OutputError
from asr.files import is_hopeless
from asr.messages import named
from asr.recognizer import Recognizer
from asr.transcription.inputs import Found, Recording
from asr.transcription.jobs import ChannelChoice
from asr.transcription.jobs import Progress as News
from asr.transcription.outcomes import Outcome
from asr.transcription.outputs import OutputFolder
from asr.transcription.progress import Progress
from asr.transcription.run import Tally, as_lines, into_folder, refuse_joining


@contextmanager
def complain_of_problems(tally: Tally, *, are_kept: bool) -> Iterator[None]:
    """At the end, or at Ctrl-C, name all that went wrong. Exits with 1 if there are results all the same, else with 2.

    Raises:
        Interrupted: Ctrl-C was pressed, or SIGTERM came, with which batch systems announce the end.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        kept = f"; what is done is kept (whole recordings: {tally.num_done}); the same command goes on with the rest"
        raise Interrupted(f"stopped{kept if are_kept else ''}") from None
    except OutputError as error:
        goes_on = "; what is done is kept, and the same command goes on with the rest"
        tally.problems.append(f"{error}{goes_on if tally.num_done and is_hopeless(error) else ''}")
    finally:
        signal.signal(signal.SIGTERM, before)
        for problem in tally.problems:
            complain(problem)
    if tally.problems:
        raise typer.Exit(1 if tally.num_done else 2)


def tell_findings(found: Found, given: Path, model: Path) -> None:
    """Which model was taken, if the folder of a training was given; and how many files were passed over."""
    if given != model:
        complain(f"{given}: is the folder of a training, so its model is taken: {model}")
    if found.passed_over:
        kinds = named([f"{count} {kind}" for kind, count in found.passed_over.most_common()], most=5)
        complain(f"passed over, as no recordings: {kinds}")


def print_results(
    load: Callable[[], Recognizer], found: Found, format: str, channels: ChannelChoice, tally: Tally
) -> None:
    """All results on stdout, in one format."""
    refuse_joining(found.recordings, format)
    if not found.recordings:
        return
    with_names = shown_path if format == "txt" and not found.is_single else None
    for text in as_lines(load(), found.recordings, format, tally, channels=channels, with_names=with_names):
        print(text, end="", flush=True)


def write_results(
    load: Callable[[], Recognizer], folder: OutputFolder, found: Found, channels: ChannelChoice, tally: Tally
) -> None:
    """All results that are not there yet, as files."""
    jobs = folder.plan(found.recordings)
    tally.num_done = len(found.recordings) - len(jobs) + sum(bool(job.note.done) for job in jobs)
    tally.problems += [_in_the_way(path) for job in jobs for path in job.in_the_way]
    num_all = len(found.recordings)
    if len(jobs) < num_all:
        complain(f"done already: {num_all - len(jobs)} of {num_all} recordings")
    if renewed := sum(job.renews for job in jobs):
        complain(f"done anew, as the model or the settings were others: {renewed} of {num_all} recordings")
    jobs = [job for job in jobs if job.formats]
    if not jobs:
        return
    recognizer = load()
    with _shown([job.recording for job in jobs], num_all - len(jobs)) as progress:
        into_folder(recognizer, folder, jobs, tally, channels=channels, progress=progress)


def _in_the_way(path: Path) -> str:
    return (
        f"{path}: is there already, and was not written by such a run or was changed since, so it is kept; "
        "move it away, give another --output, or replace it with --overwrite"
    )


@contextmanager
def _shown(left: list[Recording], num_done: int) -> Iterator[Progress]:
    """The progress of a run: on a terminal it moves a bar, else it prints a line for each recording."""
    if not sys.stderr.isatty():
        yield _Lines(left, num_done)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    class Moving(Progress):
        def advance(self, recording: Recording, news: News) -> None:
            super().advance(recording, news)
            show()

        def add(self, outcome: Outcome) -> None:
            super().add(outcome)
            show()

    def show() -> None:
        bar.update(task, description=str(progress), completed=progress.files_done)

    progress = Moving(left, num_done)
    columns = BarColumn(), TextColumn("{task.description}", markup=False)
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(str(progress), total=progress.num_files, completed=num_done)
        yield progress
    print(progress, file=sys.stderr)


class _Lines(Progress):
    def add(self, outcome: Outcome) -> None:
        super().add(outcome)
        result = "failed" if isinstance(outcome.result, str) else f"{outcome.seconds:.1f} s"
        name = one_line(outcome.recording.name)
        print(f"[{self.num_done}/{self.num_files}] {name}: {result}", file=sys.stderr, flush=True)
