"""Listening to all utterances of a manifest, several at a time; the result is the same for any number of processes."""

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal

import numpy as np
import numpy.typing as npt

from asr.corpus.doctor.check_audio import Heard, listen
from asr.corpus.doctor.findings import Finding
from asr.corpus.doctor.index import Keys
from asr.corpus.manifest import Utterance
from asr.corpus.manifest_lines import utterances_of
from asr.errors import CorpusError
from asr.messages import Progress

_UTTERANCES_AT_ONCE = 16
_TASKS_AHEAD = 4  # for each process, so that none waits, and a million do not stand in line


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """One row an utterance, in the order of the manifest, as in `Survey`; `findings` by the number of the row."""

    sample_rates: npt.NDArray[np.int32]
    durations: npt.NDArray[np.float64]
    active: npt.NDArray[np.float64]
    keys: Keys
    fingerprints: Keys
    findings: Mapping[int, tuple[Finding, ...]]


def hear(path: Path, total: int, progress: Progress, *, workers: int) -> Hearing:
    """Listen to the `total` utterances of a manifest with so many processes.

    Raises:
        CorpusError: the system ended a process.
    """
    rates, durations, active = array("i"), array("d"), array("d")
    keys, fingerprints = array("Q"), array("Q")
    findings: dict[int, tuple[Finding, ...]] = {}
    # Ctrl-C is for the parent, which then stops the others.
    with ProcessPoolExecutor(workers, initializer=signal, initargs=(SIGINT, SIG_IGN)) as pool:
        try:
            for row, heard in enumerate(_in_order(pool, utterances_of(path), workers)):
                rates.append(heard.sample_rate)
                durations.append(heard.duration)
                active.append(heard.active)
                keys.append(heard.key)
                fingerprints.append(heard.fingerprint)
                if heard.findings:
                    findings[row] = heard.findings
                progress(f"listening to {path.name}", row + 1, total)
        except BrokenProcessPool:
            raise CorpusError(
                f"{path}: the system ended a process that listened, most likely for want of memory; "
                "take fewer with --workers, or leave sound out with --no-audio"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    columns = {"durations": durations, "active": active, "keys": keys, "fingerprints": fingerprints}
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    return Hearing(sample_rates=np.asarray(rates), findings=findings, **arrays)


def _in_order(pool: ProcessPoolExecutor, utterances: Iterable[Utterance], workers: int) -> Iterator[Heard]:
    remaining = iter(utterances)
    running: deque[Future[list[Heard]]] = deque()
    while batch := list(islice(remaining, _UTTERANCES_AT_ONCE)):
        running.append(pool.submit(_listen_to_all, batch))
        if len(running) >= _TASKS_AHEAD * workers:
            yield from running.popleft().result()
    while running:
        yield from running.popleft().result()


def _listen_to_all(utterances: list[Utterance]) -> list[Heard]:
    return [listen(utterance) for utterance in utterances]
