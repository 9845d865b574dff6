"""Writes the measured results into the README, from the file that a recipe's run has left.

Use: `python -m recipes.results runs/an4/results.json`
"""

import json
import sys
from pathlib import Path

from asr.errors import AsrError, ScoringError
from asr.files import write_text
from recipes.tables import results_table

README = Path("README.md")
RECORDS = Path("recipes/an4/results.json")
BEGIN, END = "<!-- results: written by recipes/results.py -->\n", "<!-- end of results -->"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        write_text(RECORDS, Path(sys.argv[1]).read_text(encoding="utf-8"))
        write_text(README, with_results(README.read_text(encoding="utf-8"), RECORDS))
    except (OSError, AsrError) as error:
        sys.exit(f"results: {error}")


def with_results(readme: str, records: Path) -> str:
    """The README with the table of `records` between its marks.

    Raises:
        ScoringError: the README has no marks.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ScoringError(f"the README has no lines {BEGIN.strip()!r} and {END!r} to write the results between")
    return before + begin + results_table(json.loads(records.read_text(encoding="utf-8"))) + "\n" + end + after


if __name__ == "__main__":
    main()
