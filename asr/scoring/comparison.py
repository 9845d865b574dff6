"""Two scores of the same references beside each other: what a change did, in all and utterance by utterance."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.errors import ScoringError
from asr.messages import named
from asr.scoring.record import Score, UtteranceScore
from asr.scoring.stored import read_score, scores_in
from asr.scoring.systems import system_names
from asr.scoring.tables import Table, percent


@dataclass(frozen=True, slots=True)
class Comparison:
    """`part`: of which test set the scores are, such as dev."""

    part: str
    first: Score
    second: Score

    @property
    def difference(self) -> float:
        """The word error rate of the second less that of the first: negative if the second is better."""
        return self.second.wer - self.first.wer

    @property
    def utterances(self) -> tuple[int, int, int] | None:
        """How many utterances have fewer errors in the second, more, and as many; None if they were not stored."""
        if not self.first.utterances or not self.second.utterances:
            return None
        changes = [b.errors - a.errors for a, b in zip(self.first.utterances, self.second.utterances, strict=True)]
        better, worse = sum(change < 0 for change in changes), sum(change > 0 for change in changes)
        return better, worse, len(changes) - better - worse

    def to_json(self) -> dict[str, Any]:
        """Both scores, their difference, and the numbers of utterances that became better, worse, and neither."""
        counts = self.utterances or (None, None, None)
        return {
            "part": self.part,
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "difference": self.difference if math.isfinite(self.difference) else None,
            **dict(zip(("num_better", "num_worse", "num_equal"), counts, strict=True)),
        }


def compare(first: Path, second: Path) -> tuple[list[Comparison], list[str]]:
    """The comparisons of two scores, or of those in two run folders that have the same name; and notes for people.

    Raises:
        ScoringError: a file is no score, the folders have none in common, or their references differ.
    """
    found = [_scores(path) for path in (first, second)]
    if first.is_dir() != second.is_dir():
        raise ScoringError(f"{first} and {second}: one is a folder; give two run folders, or two scores")
    both = [name for name in found[0] if name in found[1]]
    if not both:
        has = [f"{path} has {named(list(own)) or 'none'}" for path, own in zip((first, second), found, strict=True)]
        raise ScoringError(f"there is no score that both have: {has[0]}, {has[1]}; expected such as dev.json in both")
    alone = [f"{first}/{name}" for name in found[0] if name not in both]
    alone += [f"{second}/{name}" for name in found[1] if name not in both]
    notes = [f"not compared, as the other run has none of this name: {named(alone)}"] if alone else []
    comparisons = [Comparison(name, found[0][name], found[1][name]) for name in both]
    for comparison in comparisons:
        _refuse_other_references(comparison, first, second)
    return comparisons, notes


def comparison_table(comparisons: list[Comparison], first: Path, second: Path) -> Table:
    """A row for each part."""
    a, b = system_names([first, second])
    names = ["part", "words", f"WER {a}", f"WER {b}", "difference", "better", "worse", "equal"]
    return Table(f"{a} and {b}", names, [_row(one) for one in comparisons])


def _row(one: Comparison) -> list[object]:
    counts = one.utterances or ("", "", "")
    difference = f"{100 * one.difference:+.2f}" if math.isfinite(one.difference) else ""
    return [one.part, one.first.num_words, percent(one.first.wer), percent(one.second.wer), difference, *counts]


def _scores(path: Path) -> dict[str, Score]:
    return scores_in(path) if path.is_dir() else {"score": read_score(path)}


def _refuse_other_references(comparison: Comparison, first: Path, second: Path) -> None:
    """Refuse scores of other utterances or words, and such as were counted in other ways."""
    a, b = comparison.first, comparison.second
    where = f"{first} and {second}, {comparison.part}"
    if (a.alignment, a.characters) != (b.alignment, b.characters):
        raise ScoringError(
            f"{where}: were counted in other ways ({a.alignment}, {a.characters}; {b.alignment}, {b.characters}); "
            "score both with the same options"
        )
    if a.utterances and b.utterances:
        other = [u.id for u, v in zip(a.utterances, b.utterances, strict=False) if _differ(u, v)]
        other += [u.id for u in (*a.utterances[len(b.utterances) :], *b.utterances[len(a.utterances) :])]
        if other:
            raise ScoringError(f"{where}: {len(other)} utterances have other ids or references: {named(other)}")
    elif a.num_words != b.num_words:
        raise ScoringError(f"{where}: have {a.num_words} and {b.num_words} words, so their references are not the same")


def _differ(one: UtteranceScore, other: UtteranceScore) -> bool:
    """Whether ids or references are not the same; of alternatives, those that were found may differ."""
    if one.id != other.id:
        return True
    return one.graph != other.graph if one.graph or other.graph else one.reference != other.reference
