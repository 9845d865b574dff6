"""The cheapest way through a reference and the words of a hypothesis, by dynamic programming."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from asr.scoring.alignment import Costs, WordPair
from asr.scoring.reference import Arc, Reference


class Step(NamedTuple):
    """A column of an alignment by numbers: an arc and a word of the hypothesis, or one of them."""

    arc: int | None
    word: int | None


def aligned(reference: Reference, hypothesis: Sequence[str], costs: Costs) -> list[WordPair]:
    """The alignment with the least cost, in order."""
    numbers = {word: number for number, word in enumerate(dict.fromkeys(hypothesis))}
    heard = np.array([numbers[word] for word in hypothesis], dtype=np.int64)

    def pair_costs(arc: Arc) -> Int64[np.ndarray, " words"]:
        if arc.fragment:
            right = np.array([arc.matches(word) for word in hypothesis], dtype=bool)
        else:
            right = heard == numbers.get(arc.word or "", -1)
        return np.where(right, 0, costs.substitution)

    insertions = np.full(len(hypothesis), costs.insertion, dtype=np.int64)
    deletions = [
        0 if arc.word is None else costs.omission if arc.optional else costs.deletion for arc in reference.arcs
    ]
    steps = cheapest_path(reference, pair_costs, deletions, insertions)
    return [pair for step in steps if (pair := _pair(step, reference.arcs, hypothesis)) is not None]


def _pair(step: Step, arcs: Sequence[Arc], hypothesis: Sequence[str]) -> WordPair | None:
    """None for an arc without a word."""
    heard = None if step.word is None else hypothesis[step.word]
    if step.arc is None:
        return WordPair(None, heard, "I")
    arc = arcs[step.arc]
    if heard is None:
        return None if arc.word is None else WordPair(arc.written, None, "" if arc.optional else "D")
    return WordPair(arc.word, heard, "" if arc.matches(heard) else "S")


def cheapest_path(
    reference: Reference,
    pair_costs: Callable[[Arc], Int64[np.ndarray, " words"]],
    deletions: Sequence[int],
    insertions: Int64[np.ndarray, " words"],
) -> list[Step]:
    """The cheapest way through a reference and the words of a hypothesis, by dynamic programming.

    `pair_costs`: of an arc with each word; `deletions`: of each arc; `insertions`: of each word. Read back from the
    end, a step takes an arc and a word if that costs no more than the others, else an arc alone if that is cheaper than
    a word alone (so does sclite). The memory grows with words * sqrt(nodes).
    """
    return _Table(reference, pair_costs, deletions, insertions).path()


class _Table:
    """The cheapest cost from the beginning to each node (a row) and number of words (a column)."""

    def __init__(
        self,
        reference: Reference,
        pair_costs: Callable[[Arc], Int64[np.ndarray, " words"]],
        deletions: Sequence[int],
        insertions: Int64[np.ndarray, " words"],
    ) -> None:
        self.arcs, self.pair_costs, self.deletions = reference.arcs, pair_costs, deletions
        self.insertions = insertions
        self.inserted = np.concatenate([[0], np.cumsum(insertions)])
        self.into: list[list[int]] = [[] for _ in range(reference.num_nodes)]
        for number, arc in enumerate(reference.arcs):
            self.into[arc.end].append(number)

    def path(self) -> list[Step]:
        blocks = self.blocks()
        first_rows, rows = [self.inserted], [self.inserted]
        for first, last in pairwise(blocks):
            rows = self.rows(first, last, first_rows[-1])
            first_rows.append(rows[-1])
        steps: list[Step] = []
        column = len(self.insertions)
        for number in range(len(blocks) - 2, -1, -1):
            first, last = blocks[number], blocks[number + 1]
            if number < len(blocks) - 2:
                rows = self.rows(first, last, first_rows[number])
            column = self.trace(first, last, column, rows, steps)
        steps += [Step(None, word) for word in range(column - 1, -1, -1)]
        return steps[::-1]

    def blocks(self) -> list[int]:
        """Nodes, from the first to the last, which no arc leads past. Only the rows of one block are held at once."""
        most = max(64, math.isqrt(len(self.into)))
        farthest, bounds = 0, [0]
        leads_to = [0] * len(self.into)
        for arc in self.arcs:
            leads_to[arc.start] = max(leads_to[arc.start], arc.end)
        for node in range(1, len(self.into)):
            farthest = max(farthest, leads_to[node - 1])
            if farthest <= node and (node - bounds[-1] >= most or node == len(self.into) - 1):
                bounds.append(node)
        return bounds

    def rows(self, first: int, last: int, row: Int64[np.ndarray, " columns"]) -> list[Int64[np.ndarray, " columns"]]:
        """The rows of the nodes from `first`, whose row is given, to `last`."""
        rows = [row]
        for node in range(first + 1, last + 1):
            best: Int64[np.ndarray, " columns"] | None = None
            for number in self.into[node]:
                arc, before = self.arcs[number], rows[self.arcs[number].start - first]
                found = before + self.deletions[number]
                if arc.word is not None:
                    np.minimum(found[1:], before[:-1] + self.pair_costs(arc), out=found[1:])
                best = found if best is None else np.minimum(best, found)
            assert best is not None  # each node is the end of an arc
            rows.append(np.minimum.accumulate(best - self.inserted) + self.inserted)
        return rows

    def trace(
        self, first: int, last: int, column: int, rows: list[Int64[np.ndarray, " columns"]], steps: list[Step]
    ) -> int:
        """Go back from the node `last` to `first`; adds the steps, the last one first, and returns the column there."""
        node = last
        while node > first:
            number, is_pair = self.step_before(node, column, first, rows)
            if number is None or is_pair:
                column -= 1
            steps.append(Step(number, column if number is None or is_pair else None))
            if number is not None:
                node = self.arcs[number].start
        return column

    def step_before(
        self, node: int, column: int, first: int, rows: list[Int64[np.ndarray, " columns"]]
    ) -> tuple[int | None, bool]:
        """The arc by which a cell is reached, None for an insertion; and whether a word goes with it."""
        pairs, alone = [], []
        for number in self.into[node]:
            arc, row = self.arcs[number], rows[self.arcs[number].start - first]
            alone.append((int(row[column]) + self.deletions[number], number))
            if column and arc.word is not None:
                pairs.append((int(row[column - 1] + self.pair_costs(arc)[column - 1]), number))
        insertion = int(rows[node - first][column - 1] + self.insertions[column - 1]) if column else None
        deletion, arc_alone = min(alone)
        if self.arcs[arc_alone].word is None and deletion == rows[node - first][column]:
            return arc_alone, False
        if pairs and min(pairs)[0] <= min(deletion, math.inf if insertion is None else insertion):
            return min(pairs)[1], True
        return (arc_alone, False) if insertion is None or deletion < insertion else (None, False)
