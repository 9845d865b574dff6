"""Tables of what was found, for terminals and pages."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from asr.scoring.failures import Failures
from asr.scoring.slices import Slice


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title: the first cell of a row names it."""

    title: str
    names: Sequence[str]
    rows: Sequence[Sequence[object]]


def failure_tables(systems: Mapping[str, Failures]) -> list[Table]:
    """The tables of systems, by name: slices of all in one table, words each by themselves. One alone is not named."""
    by_slice = _slice_tables({name: failures.slices for name, failures in systems.items()})
    return [*by_slice, *(table for name, found in systems.items() for table in _word_tables(name, found, len(systems)))]


def _word_tables(name: str, found: Failures, num_systems: int) -> list[Table]:
    whose = f"{name}: " if num_systems > 1 else ""
    confused = [(f"{wanted} → {heard}", count) for wanted, heard, count in found.confusions]
    deleted = [(word, count, of) for word, count, of in found.deleted]
    worst = [(u.id, u.errors, u.num_words, percent(u.wer)) for u in found.worst]
    tables = [
        Table(f"{whose}words taken for others", ["reference → hypothesis", "times"], confused),
        Table(f"{whose}words deleted most", ["word", "times", "of"], deleted),
        Table(f"{whose}words inserted most", ["word", "times"], found.inserted),
        Table(f"{whose}utterances with most errors", ["utterance", "errors", "words", "WER"], worst),
    ]
    return [table for table in tables if table.rows]


def _slice_tables(systems: Mapping[str, Sequence[Slice]]) -> list[Table]:
    """A table for each property, with a row for each of its slices, in the order of the first system."""
    rates: dict[str, dict[str, dict[str, Slice]]] = {}
    for system, slices in systems.items():
        for one in slices:
            rates.setdefault(one.by, {}).setdefault(one.name, {})[system] = one
    tables = []
    for by, rows in rates.items():
        names = [by, "utterances", "words"]
        for system in systems:
            names += ["WER", "95 % interval"] if len(systems) == 1 else [f"WER {system}", "95 % interval"]
        tables.append(Table(f"by {by}", names, [_slice_row(name, found, systems) for name, found in rows.items()]))
    return tables


def _slice_row(name: str, found: Mapping[str, Slice], systems: Iterable[str]) -> list[object]:
    any_slice = next(iter(found.values()))
    row: list[object] = [name, any_slice.num_utterances, any_slice.num_words]
    for system in systems:
        one = found.get(system)
        row += ["", ""] if one is None else [percent(one.wer), f"{100 * one.wer_low:.2f} to {percent(one.wer_high)}"]
    return row


def percent(rate: float) -> str:
    """A rate as text; "no words" where there is none."""
    return f"{100 * rate:.2f} %" if math.isfinite(rate) else "no words"


def table_lines(table: Table) -> str:
    """A table as lines of a terminal: the first column to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in (table.names, *table.rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            text + " " * (width - cell_len(text)) if place == 0 else " " * (width - cell_len(text)) + text
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([f"{table.title}:", *lines]) + "\n"
