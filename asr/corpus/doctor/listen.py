"""Checks the sounds of all utterances of a manifest in parallel, with the same result for any number of processes."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal

from asr.corpus.doctor.check_audio import AudioReport, check_audio
from asr.corpus.doctor.findings import Finding
from asr.corpus.doctor.index import Columns, Float64s, Int32s, Keys
from asr.corpus.manifest import Utterance
from asr.corpus.manifest_lines import utterances_of
from asr.errors import CorpusError
from asr.messages import Progress

_UTTERANCES_AT_ONCE = 16
_TASKS_AHEAD = 4  # for each process: enough that none waits, without a queue of a million


@dataclass(frozen=True, slots=True, eq=False)
class AudioTable:
    """The reports on all sounds: one row an utterance, as in `ManifestIndex`; `findings` by the number of the row."""

    sample_rates: Int32s
    durations: Float64s
    active: Float64s
    keys: Keys
    fingerprints: Keys
    findings: Mapping[int, tuple[Finding, ...]]


def check_all_audio(path: Path, total: int, progress: Progress, *, workers: int) -> AudioTable:
    """Check the sounds of the `total` utterances of a manifest with `workers` processes.

    Raises:
        CorpusError: the system ended a process.
    """
    columns, findings = Columns(AudioTable), dict[int, tuple[Finding, ...]]()
    # Ctrl-C is for the parent, which then stops the others.
    with ProcessPoolExecutor(workers, initializer=signal, initargs=(SIGINT, SIG_IGN)) as pool:
        try:
            for row, report in enumerate(_in_order(pool, utterances_of(path), workers)):
                columns.append(
                    sample_rates=report.sample_rate,
                    durations=report.duration,
                    active=report.active,
                    keys=report.key,
                    fingerprints=report.fingerprint,
                )
                if report.findings:
                    findings[row] = report.findings
                progress(f"listening to {path.name}", row + 1, total)
        except BrokenProcessPool:
            raise CorpusError(
                f"{path}: the system ended a process that checked sounds, most likely for lack of memory; "
                "take fewer with --workers, or leave sound out with --no-audio"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return AudioTable(findings=findings, **columns.arrays())


def _in_order(pool: ProcessPoolExecutor, utterances: Iterable[Utterance], workers: int) -> Iterator[AudioReport]:
    remaining = iter(utterances)
    running: deque[Future[list[AudioReport]]] = deque()
    while batch := list(islice(remaining, _UTTERANCES_AT_ONCE)):
        running.append(pool.submit(_check_all, batch))
        if len(running) >= _TASKS_AHEAD * workers:
            yield from running.popleft().result()
    while running:
        yield from running.popleft().result()


def _check_all(utterances: list[Utterance]) -> list[AudioReport]:
    return [check_audio(utterance) for utterance in utterances]
