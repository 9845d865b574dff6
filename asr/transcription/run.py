"""A run of `asr transcribe`: recordings -> files below a folder, or lines of one format."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asr.errors import OutputError
from asr.formats import FORMATS
from asr.formats import json as json_format
from asr.formats.document import as_column
from asr.model_folder import model_digest
from asr.recognizer import Recognizer
from asr.transcription.inputs import Recording
from asr.transcription.jobs import ChannelChoice, Known
from asr.transcription.jobs import Progress as News
from asr.transcription.names import with_own_ids
from asr.transcription.outcomes import Outcome, outcomes_of
from asr.transcription.outputs import Job, OutputFolder
from asr.transcription.progress import Progress
from asr.transcription.unfinished import Unfinished

_SORTED = ("ctm", "stm")  # NIST's tools want the lines by name


@dataclass(slots=True)
class Tally:
    """How many recordings have results, from this run or before, and the messages of what went wrong."""

    num_done: int = 0
    problems: list[str] = field(default_factory=list)


def settings_digest(
    model: Path, hotwords: Mapping[str, float] | None, channels: ChannelChoice, forms: Mapping[str, bool]
) -> str:
    """Of all that decides what results hold; `forms`: how they are heard and written.

    Raises:
        ModelError: the model cannot be read.
    """
    settings = [model_digest(model), sorted((hotwords or {}).items()), channels, sorted(forms.items())]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]


def into_folder(
    recognizer: Recognizer,
    folder: OutputFolder,
    jobs: Sequence[Job],
    tally: Tally,
    *,
    channels: ChannelChoice,
    progress: Progress,
) -> None:
    """Transcribe what the jobs want, and write each result as soon as it is ready; `tally` and `progress` are kept up
    to date. What is finished of a long recording is kept, and what an earlier run has left is used.

    Raises:
        OutputError: nothing more can be written, as the disk is full.
    """
    todo = {job.recording.key: job for job in jobs if job.formats}
    kept = {key: Unfinished.of(job.folder, job.note) for key, job in todo.items()}

    def known(recording: Recording) -> Known:
        unfinished = kept[recording.key]
        return {} if unfinished is None else unfinished.known()

    def advance(recording: Recording, news: News) -> None:
        progress.advance(recording, news)
        if (unfinished := kept[recording.key]) is not None:
            unfinished.add(news)

    recordings = [job.recording for job in todo.values()]
    for outcome in outcomes_of(recognizer, recordings, channels=channels, known=known, progress=advance):
        job = todo[outcome.recording.key]
        problems = [outcome.result] if isinstance(outcome.result, str) else []
        problems += folder.save(job, outcome)
        tally.problems += problems
        tally.num_done += len(problems) < len(job.formats) and not isinstance(outcome.result, str)
        if (unfinished := kept.pop(outcome.recording.key)) is not None:
            unfinished.remove()
        progress.add(outcome)


def refuse_joining(recordings: Sequence[Recording], format: str) -> None:
    """Refuse several recordings on stdout in a format that cannot be joined.

    Raises:
        OutputError: says what to do.
    """
    if len(recordings) > 1 and not FORMATS[format].joins:
        raise OutputError(
            f"{len(recordings)} recordings in the format {format} cannot be written one after the other, as each is a "
            "file of its own; give a folder for them: --output DIR"
        )


def as_lines(
    recognizer: Recognizer,
    recordings: Sequence[Recording],
    format: str,
    tally: Tally,
    *,
    channels: ChannelChoice,
    with_names: Callable[[str], str] | None,
) -> Iterator[str]:
    """The results in one format, in the order of the recordings (CTM and STM by name). `with_names`: each text is one
    line, after the name of its recording as this function shows it.
    """
    form = FORMATS[format]
    recordings = with_own_ids(recordings)
    if format in _SORTED:
        recordings = sorted(recordings, key=lambda recording: as_column(recording.id))
    yield form.header
    for outcome in _in_order(outcomes_of(recognizer, recordings, channels=channels), recordings):
        if isinstance(outcome.result, str):
            tally.problems.append(outcome.result)
            if format == "json":
                yield json_format.failure(outcome.recording.id, outcome.recording.name, outcome.result)
            continue
        tally.num_done += 1
        text = form.body(outcome.result)
        yield text if with_names is None else f"{with_names(outcome.recording.name)}\t{' '.join(text.splitlines())}\n"


def _in_order(outcomes: Iterator[Outcome], recordings: Sequence[Recording]) -> Iterator[Outcome]:
    waiting: dict[str, Outcome] = {}
    wanted = iter(recordings)
    next_key = next(wanted).key if recordings else ""
    for outcome in outcomes:
        waiting[outcome.recording.key] = outcome
        while next_key in waiting:
            yield waiting.pop(next_key)
            following = next(wanted, None)
            next_key = following.key if following else ""
