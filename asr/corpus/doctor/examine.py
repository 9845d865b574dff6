"""Is a manifest fit for training? Each line is checked by itself and against the others; findings come with advice.

The manifest is read once to index all utterances (`index.py`), the sounds are checked in parallel (`listen.py`,
`check_audio.py`), then it is read once more and each line checked (`check_manifest.py`) and, if asked, copied without
its faults (`repair.py`). No more than a line is in memory at a time, beside the index.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from asr.corpus.doctor.check_manifest import ManifestCheck
from asr.corpus.doctor.findings import Finding
from asr.corpus.doctor.index import ManifestIndex, index_manifest
from asr.corpus.doctor.listen import AudioTable, check_all_audio
from asr.corpus.doctor.repair import clean_manifest, refuse_to_overwrite
from asr.corpus.doctor.report import Report
from asr.corpus.doctor.requirements import Requirements
from asr.errors import ManifestError
from asr.messages import Progress


def examine(
    manifest: Path,
    expected: Requirements,
    *,
    progress: Progress,
    on_finding: Callable[[Finding], None],
    against: Sequence[Path] = (),
    workers: int | None = None,
    fix: Path | None = None,
) -> Report:
    """Check a manifest, and compare it with those of dev and test sets in `against`.

    `workers` processes listen to the sounds; with None no sound is touched. `on_finding` gets each finding, in the
    order of the lines. `fix` is where to write a cleaned copy.

    Raises:
        ManifestError: a manifest is missing, cannot be read, or has no lines; or none that the copy could hold.
        OutputError: the copy cannot be written, or would take the place of a manifest that is read.
        CorpusError: the system ended a process that checked sounds.
    """
    if fix is not None:
        refuse_to_overwrite(fix, [manifest, *against])
    own, *others = [_known(path, expected, progress, workers) for path in [manifest, *against]]
    check = ManifestCheck(own, others, expected)
    report = Report(
        manifest,
        seconds=float(check.durations.sum()),
        rare=check.rare,
        notes=_notes(own[0], [other for other, _ in others], expected),
    )

    def tell(findings: Sequence[Finding]) -> None:
        for finding in findings:
            report.add(finding)
            on_finding(finding)

    tell(check.of_all())
    with nullcontext() if fix is None else clean_manifest(fix, source=manifest, ids=own[0].ids) as copy:
        for line, findings, duration in check.of_lines(progress):
            report.num_lines += 1
            tell(findings)
            if copy is not None:
                copy.add(line, findings, duration)
    report.repairs = None if copy is None else copy.repairs
    return report


def _known(
    path: Path, expected: Requirements, progress: Progress, workers: int | None
) -> tuple[ManifestIndex, AudioTable | None]:
    known = index_manifest(path, expected, progress)
    if len(known) + known.num_broken == 0:
        raise ManifestError(f"{path}: the manifest has no utterances; expected one JSON object a line")
    return known, None if workers is None else check_all_audio(path, len(known), progress, workers=workers)


def _notes(own: ManifestIndex, others: Sequence[ManifestIndex], expected: Requirements) -> list[str]:
    """What could not be checked, and why."""
    notes = []
    if expected.tokens is None and not expected.characters:
        notes.append(
            "the tokens are still to be learnt: whether a text fits into its frames was checked with one token a word; "
            "ask again with --model after training"
        )
    for other in others:
        if not (own.speakers.any() and other.speakers.any()):
            notes.append(f"overlap of speakers with {other.path} was not checked: one of the two names no speakers")
        if other.num_broken:
            notes.append(f"{other.num_broken} broken lines of {other.path} were left out")
    return notes
