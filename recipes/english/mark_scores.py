"""How well marks and capitals were put: precision, recall and F1, counted over all words of a text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from asr.text.tags import MARKS

NAMES = {",": "comma", ".": "full stop", "?": "question mark"}
CAPITALS = "capitals"


@dataclass(frozen=True, slots=True)
class F1:
    """`right`: found and wanted."""

    right: int
    found: int
    wanted: int

    @property
    def value(self) -> float:
        """2 right / (found + wanted), from 0 to 1; 1 if none is found and none wanted."""
        return 2 * self.right / (self.found + self.wanted) if self.found + self.wanted else 1.0


def score_marks(reference: Sequence[str], found: Sequence[str]) -> dict[str, F1]:
    """F1 of each mark and of words with capitals. Both texts have the same words, written with marks; a mark is right
    if it stands after the same word, a word with capitals if it is written letter by letter as in the reference.
    """
    scores = {name: _f1(reference, found, partial(_as_mark, mark)) for mark, name in NAMES.items()}
    return scores | {CAPITALS: _f1(reference, found, _in_capitals)}


def mean_f1(scores: dict[str, F1]) -> float:
    """Of the three marks and capitals, each counting the same."""
    return sum(score.value for score in scores.values()) / len(scores)


def to_percent(scores: dict[str, F1]) -> dict[str, float]:
    """Each F1 in percent, to a tenth."""
    return {name: round(100 * score.value, 1) for name, score in scores.items()}


def _f1(reference: Sequence[str], found: Sequence[str], sign: Callable[[str], str]) -> F1:
    """`sign`: what of a word is compared; empty if there is nothing of the kind."""
    pairs = [(sign(wanted), sign(got)) for wanted, got in zip(reference, found, strict=True)]
    return F1(
        sum(wanted == got != "" for wanted, got in pairs),
        sum(got != "" for _, got in pairs),
        sum(wanted != "" for wanted, _ in pairs),
    )


def _as_mark(mark: str, word: str) -> str:
    return mark if word.endswith(mark) else ""


def _in_capitals(word: str) -> str:
    bare = word.rstrip("".join(MARKS))
    return bare if bare != bare.lower() else ""
