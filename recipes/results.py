"""Copies the results of a recipe's runs into the repository, and rewrites its table.

Use: `python -m recipes.results runs/an4/results.json`, and with `--recipe mini_librispeech` for that recipe. Seeds that
are not in the file keep their results.
"""

import argparse
import json
import sys
from pathlib import Path

from asr.errors import AsrError, ScoringError
from asr.files import parse_json, read_bytes, write_text
from recipes.tables import Record, results_table, score_names

READMES = {"an4": Path("README.md"), "mini_librispeech": Path("recipes/mini_librispeech/README.md")}
BEGIN, END = "<!-- results: written by recipes/results.py -->\n", "<!-- end of results -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results.json of the runs")
    parser.add_argument("--recipe", choices=sorted(READMES), default="an4")
    arguments = parser.parse_args()
    file, readme = records_file(arguments.recipe), READMES[arguments.recipe]
    try:
        records = merge_records(read_records(file) if file.exists() else [], read_records(arguments.results))
        text = with_results(readme.read_text(encoding="utf-8"), records)
        write_text(file, json.dumps(records, indent=2) + "\n")
        write_text(readme, text)
    except (OSError, AsrError) as error:
        sys.exit(f"results: {error}")


def records_file(recipe: str) -> Path:
    """The results that the recipe's table shows."""
    return Path("recipes") / recipe / "results.json"


def read_records(path: Path) -> list[Record]:
    """The records of a results.json, one a seed.

    Raises:
        ScoringError: it is something else.
    """
    try:
        records: list[Record] = parse_json(read_bytes(path, ScoringError))
        seeds = [int(record["seed"]) for record in records]
    except (ValueError, KeyError, TypeError):
        seeds = []
    if not seeds:
        raise ScoringError(f"{path}: expected a list of records with their seeds, as a recipe leaves it")
    return records


def merge_records(kept: list[Record], new: list[Record]) -> list[Record]:
    """The new records, and of `kept` those of other seeds; in the order of the seeds.

    Raises:
        ScoringError: they do not all have the same scores, so no table can show them.
    """
    by_seed = {record["seed"]: record for record in [*kept, *new]}
    merged = [by_seed[seed] for seed in sorted(by_seed)]
    for record in merged:
        if score_names(record) != score_names(merged[0]):
            found = (f"seed {one['seed']} has {', '.join(score_names(one))}" for one in (merged[0], record))
            raise ScoringError(f"{'; '.join(found)}; expected the same scores of all seeds")
    return merged


def with_results(readme: str, records: list[Record]) -> str:
    """The README with the table of `records` between its marks.

    Raises:
        ScoringError: the README has no marks.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ScoringError(f"the README has no lines {BEGIN.strip()!r} and {END!r} to write the results between")
    return before + begin + results_table(records) + "\n" + end + after


if __name__ == "__main__":
    main()
