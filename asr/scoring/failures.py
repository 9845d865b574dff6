"""Where a system fails: which words it takes for which, what it leaves out and adds, and for whom."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asr.scoring.record import Score, UtteranceScore
from asr.scoring.slices import Slice, slices

MOST = 10  # of each list


@dataclass(frozen=True, slots=True)
class Failures:
    """What goes wrong, most frequent first; among equals in the order of the alphabet.

    `confusions`: reference word, hypothesis word, how often. `deleted`: word, how often, of how often it was said.
    `inserted`: word, how often. `worst`: the utterances with most errors, among equals those with the highest rate.
    """

    confusions: tuple[tuple[str, str, int], ...]
    deleted: tuple[tuple[str, int, int], ...]
    inserted: tuple[tuple[str, int], ...]
    worst: tuple[UtteranceScore, ...]
    slices: tuple[Slice, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs: lists of objects, rates as fractions, None where there is none."""
        return {
            "confusions": [{"reference": r, "hypothesis": h, "times": n} for r, h, n in self.confusions],
            "deleted": [{"word": word, "times": n, "of": of} for word, n, of in self.deleted],
            "inserted": [{"word": word, "times": n} for word, n in self.inserted],
            "worst": [
                {"id": u.id, "errors": u.errors, "num_words": u.num_words, "wer": _rate(u.wer)} for u in self.worst
            ],
            "slices": [_slice_json(one) for one in self.slices],
        }


def failures(score: Score, *, by: Sequence[str] = (), most: int = MOST) -> Failures:
    """Confusion pairs, words, utterances: up to `most` of each; and slices by speaker, length, speaking rate, and the
    facts `by` of the utterances.

    Raises:
        ScoringError: no utterance has such a fact.
    """
    confused: Counter[tuple[str, str]] = Counter()
    deleted: Counter[str] = Counter()
    inserted: Counter[str] = Counter()
    said = Counter(word for utterance in score.utterances for word in utterance.reference.split())
    wrong = [utterance for utterance in score.utterances if utterance.errors]
    for utterance in wrong:
        for wanted, heard, mark in utterance.aligned_words():
            if mark == "S":
                confused[wanted or "", heard or ""] += 1
            elif mark == "D":
                deleted[wanted or ""] += 1
            elif mark == "I":
                inserted[heard or ""] += 1
    worst = sorted(wrong, key=lambda u: (-u.errors, -u.wer if u.num_words else -math.inf))
    return Failures(
        confusions=tuple((*pair, count) for pair, count in _most(confused, most)),
        deleted=tuple((word, count, said[word]) for word, count in _most(deleted, most)),
        inserted=tuple(_most(inserted, most)),
        worst=tuple(worst[:most]),
        slices=tuple(slices(score, by)),
    )


def _most(counts: Counter[Any], most: int) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]


def _slice_json(one: Slice) -> dict[str, Any]:
    names = ("by", "name", "num_utterances", "num_words", "substitutions", "deletions", "insertions")
    rates = {name: _rate(getattr(one, name)) for name in ("wer", "wer_low", "wer_high", "cer")}
    return {name: getattr(one, name) for name in names} | rates


def _rate(rate: float) -> float | None:
    return rate if math.isfinite(rate) else None
