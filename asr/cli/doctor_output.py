"""The output of `asr doctor` for people."""

from pathlib import Path

from asr.cli.messages import one_line
from asr.corpus.doctor.characters import character_name
from asr.corpus.doctor.findings import REMEDIES, Kind
from asr.corpus.doctor.repair import Repairs
from asr.corpus.doctor.report import Report

_EXAMPLES = 3
_MAX_RARE = 20


def print_report(report: Report, fix: Path | None) -> None:
    """Print the table of findings, with what to do, on stdout."""
    head = f"{report.manifest}: {report.num_lines} utterances, {report.seconds / 3600:.2f} h"
    print(one_line(f"{head}: {report.num_errors} errors, {report.num_warnings} warnings"))
    if report.counts:
        print(f"\n{'':<9}{'what':<22}{'count':>9}{'share':>10}   such as")
    for kind in report.kinds():
        _print_kind(report, kind)
    _print_rare(report)
    if missing := report.examples.get(Kind.MISSING_SOUND):
        print(f"\n{report.counts[Kind.MISSING_SOUND]} sound files are missing, the first of them:")
        for finding in missing:
            print(one_line(f"  line {finding.line}: {finding.detail}"))
    for note in report.notes:
        print("\n" + one_line(f"note: {note}"))
    if report.repairs is not None:
        _print_repairs(report.repairs, fix)


def _print_kind(report: Report, kind: Kind) -> None:
    remedy, examples = REMEDIES[kind], report.examples[kind]
    named = ", ".join(example.utterance or f"line {example.line}" for example in examples[:_EXAMPLES] if example.line)
    share = f"{100 * report.share(kind):.2f} %"
    print(one_line(f"{remedy.severity:<9}{kind:<22}{report.counts[kind]:>9}{share:>10}   {named}").rstrip())
    where = f"line {examples[0].line}: " if examples[0].line else ""
    print(one_line(f"{'':<9}{where}{examples[0].detail}"))
    print(f"{'':<9}-> {remedy.advice} (--fix {remedy.repair})")


def _print_rare(report: Report) -> None:
    if not report.rare:
        return
    print(
        f"\n{len(report.rare)} characters are out of place, the rarest first, with the number of texts that have them:"
    )
    for character, count in list(report.rare.items())[:_MAX_RARE]:
        print(f"{count:>9} {character_name(character)}")
    if len(report.rare) > _MAX_RARE:
        print(f"          and {len(report.rare) - _MAX_RARE} more")


def _print_repairs(repairs: Repairs, fix: Path | None) -> None:
    print("\n" + one_line(f"{fix}: {repairs.kept} lines kept"))
    for verb, counts in (("left out", repairs.dropped), ("corrected", repairs.changed)):
        for kind, count in counts.items():
            print(f"  {verb} {count}: {kind}")
