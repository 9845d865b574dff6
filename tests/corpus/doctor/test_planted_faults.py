"""The doctor finds the faults that real corpora have, each planted into a healthy one, and nothing in that one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from asr.corpus.doctor.findings import Finding, Kind
from tests.support.planted_faults import FAULTS
from tests.support.planting import NUM_SOUNDS, Fault, healthy, planted
from tests.support.sick_corpus import Corpus, ask, sound

ALONE = [fault for fault in FAULTS if fault.alone]
IN_TEXTS = [fault for fault in FAULTS if fault.by_text and not fault.alone]
IN_SOUNDS = [fault for fault in FAULTS if not fault.by_text]


def wrong(
    faults: Sequence[Fault], folder: Path, **options: Any
) -> tuple[list[tuple[str, list[Finding]]], list[list[Finding]]]:
    """The faults that are not found where they were planted, or found where none can, and findings on other lines."""
    corpus, rows = planted(faults)
    findings, _ = ask(corpus.write(folder / "c", only_sounds=options != {}), **options)
    on_line = {line: [f for f in findings if f.line - 1 == line] for line in {f.line - 1 for f in findings}}
    missed = []
    for fault, spoilt in rows:
        there = [finding for row in spoilt for finding in on_line.pop(row, [])]
        if any(finding.kind in fault.kinds for finding in there) != bool(fault.kinds) or (fault.why and there):
            missed.append((fault.name, there))
    return missed, list(on_line.values())


@pytest.mark.parametrize("fault", ALONE, ids=[fault.name for fault in ALONE])
def test_faults_in_a_corpus_of_their_own(fault: Fault, tmp_path: Path) -> None:
    assert wrong([fault], tmp_path) == ([], [])


def test_faults_of_lines_and_texts(tmp_path: Path) -> None:
    assert wrong(IN_TEXTS, tmp_path) == ([], [])


def test_faults_of_sounds(tmp_path: Path) -> None:
    assert wrong(IN_SOUNDS, tmp_path, workers=2) == ([], [])


def test_nothing_is_found_in_the_healthy_corpus(tmp_path: Path) -> None:
    assert ask(healthy().write(tmp_path / "a", only_sounds=False))[0] == []
    findings, report = ask(healthy().write(tmp_path / "b", only_sounds=True), workers=2)
    assert (findings, report.num_lines) == ([], NUM_SOUNDS)


def test_the_table_has_faults_enough_and_says_why_some_are_not_found() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 60
    assert all(bool(fault.kinds) != bool(fault.why) for fault in FAULTS)


def test_a_copy_at_another_gain_in_dev_is_an_overlap(tmp_path: Path) -> None:
    loud, quiet = sound(7, seconds=3), sound(7, seconds=3) / 10
    train, dev = (Corpus(tmp_path / name, name, first=first, count=25) for name, first in (("train", 0), ("dev", 500)))
    train.add("loud", 100, loud)
    dev.add("quiet", 600, quiet)
    dev.write()
    findings, _ = ask(train.write(), against=[dev.path], workers=1)
    assert [(f.utterance, f.kind, f.detail) for f in findings if f.kind is not Kind.SPEAKING_RATE] == [
        ("loud", Kind.SOUND_OVERLAP, f"also in {dev.path}, at another gain or in another format")
    ]
