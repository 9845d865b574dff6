"""`asr score --compare`: two runs, or two stored scores, beside each other."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from asr.cli.messages import complain
from asr.cli.output import print_page, side_by_side
from asr.errors import ScoringError
from asr.scoring import aligned_listing
from asr.scoring.comparison import Comparison, compare, comparison_table
from asr.scoring.failures import failures
from asr.scoring.systems import system_names, system_of
from asr.scoring.tables import table_lines


def compare_scores(
    first: Path, second: Path, *, as_json: bool, listing: bool, html: Path | None, by: Sequence[str]
) -> None:
    """Print the comparison: as JSON, or as a table after the utterances that changed, if asked for; and write the page
    of both."""
    comparisons, notes = compare(first, second)
    for note in notes:
        complain(note)
    names = system_names([first, second])
    if html is not None:
        _write_page(html, comparisons, names, first, by)
    if as_json:
        print(json.dumps({"comparisons": [comparison.to_json() for comparison in comparisons]}))
        return
    for comparison in comparisons if listing else []:
        changed = [
            pair
            for pair in zip(comparison.first.utterances, comparison.second.utterances, strict=True)
            if pair[0].hypothesis != pair[1].hypothesis
        ]
        print(aligned_listing(side_by_side(names, changed), color=sys.stdout.isatty()))
    print(table_lines(comparison_table(comparisons, first, second)), end="")


def _write_page(
    html: Path, comparisons: Sequence[Comparison], names: Sequence[str], first: Path, by: Sequence[str]
) -> None:
    if len(comparisons) != 1 or comparisons[0].utterances is None:
        parts = ", ".join(comparison.part for comparison in comparisons)
        raise ScoringError(f"a page shows the utterances of one part, found {parts}; give two files, such as dev.json")
    scores = (comparisons[0].first, comparisons[0].second)
    systems = [system_of(name, score) for name, score in zip(names, scores, strict=True)]
    print_page(html, systems, first, None, {system.name: failures(system.score, by=by) for system in systems})
