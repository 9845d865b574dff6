"""Error rates of parts of a test set: by speaker, length, speaking rate, or any fact that is known of utterances."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from asr.errors import ScoringError
from asr.messages import named
from asr.scoring.inputs.contents import Fact
from asr.scoring.pooled import pooled
from asr.scoring.record import Rates, Score, UtteranceScore

SPEAKER, LENGTH, RATE = "speaker", "words in reference", "words per second"
MAX_SLICES = 20  # of one property; more become one slice, "others"
_LENGTHS = (1, 6, 11, 21, 41)  # where the slices of reference words begin, after that without words
_FEW_NUMBERS = 8  # so many different numbers are a slice each; more are cut into quarters of the utterances
_UNKNOWN = "unknown"

Value: TypeAlias = Callable[[UtteranceScore], Fact | None]


@dataclass(frozen=True, slots=True)
class Slice(Rates):
    """The errors of the utterances of which `by` is `name`; `wer_low` and `wer_high` bound its 95 % interval."""

    by: str
    name: str
    num_utterances: int
    num_words: int
    num_characters: int
    substitutions: int
    deletions: int
    insertions: int
    character_errors: int
    wer_low: float
    wer_high: float


def slices(score: Score, by: Sequence[str] = ()) -> list[Slice]:
    """The slices by speaker, length and speaking rate, as far as these are known and differ, and by the facts `by`.

    A number of many values is cut at its quartiles; of names, those with most errors come first.

    Raises:
        ScoringError: no utterance has a fact of this name; says which there are.
    """
    known = {name for utterance in score.utterances for name, _ in utterance.facts}
    if unknown := [name for name in by if name not in {*known, LENGTH, RATE}]:
        known |= {LENGTH, RATE}
        raise ScoringError(f"found no {named(unknown)} in the references to slice by; they have {named(sorted(known))}")
    found = []
    for name in dict.fromkeys([SPEAKER, LENGTH, RATE, *by]):
        parts = _parts(score.utterances, name)
        if len(parts) > 1 or name in by:
            found += [_slice(name, part, utterances) for part, utterances in parts.items()]
    return found


def _parts(utterances: Sequence[UtteranceScore], by: str) -> dict[str, list[UtteranceScore]]:
    values = [_value(utterance, by) for utterance in utterances]
    numbers = [_number(value) for value in values]
    if by == LENGTH:
        labels = [_length(utterance.num_words) for utterance in utterances]
    elif by != SPEAKER and all(n is not None for n, v in zip(numbers, values, strict=True) if v is not None):
        labels = _quarters(numbers)
    else:
        labels = [_UNKNOWN if value is None else str(value) for value in values]
        return _by_errors(_grouped(labels, utterances))
    parts = _grouped(labels, utterances)
    return dict(sorted(parts.items(), key=lambda part: (part[0] == _UNKNOWN, _least(part[1], by))))


def _value(utterance: UtteranceScore, by: str) -> Fact | None:
    facts = dict(utterance.facts)
    if by != RATE or by in facts:
        return facts.get(by)
    duration = _number(facts.get("duration"))
    return utterance.num_words / duration if duration else None


def _number(value: Fact | None) -> float | None:
    """None for what is no number; tables have numbers as texts."""
    try:
        number = math.nan if value is None or isinstance(value, bool) else float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _length(num_words: int) -> str:
    place = bisect_right(_LENGTHS, num_words)
    if place == 0:
        return "0"
    first = _LENGTHS[place - 1]
    return f"{first} to {_LENGTHS[place] - 1}" if place < len(_LENGTHS) else f"{first} or more"


def _quarters(numbers: Sequence[float | None]) -> list[str]:
    """For each number, its quarter of all; the same number is always in the same one."""
    told = sorted(number for number in numbers if number is not None)
    if len(set(told)) <= _FEW_NUMBERS:
        return [_UNKNOWN if number is None else f"{number:g}" for number in numbers]
    edges = [told[len(told) * quarter // 4] for quarter in (1, 2, 3)]
    names = [f"below {edges[0]:.3g}", *(f"{a:.3g} to {b:.3g}" for a, b in pairwise(edges))]
    names.append(f"{edges[2]:.3g} or more")
    return [_UNKNOWN if number is None else names[bisect_right(edges, number)] for number in numbers]


def _grouped(labels: Sequence[str], utterances: Sequence[UtteranceScore]) -> dict[str, list[UtteranceScore]]:
    parts: dict[str, list[UtteranceScore]] = {}
    for label, utterance in zip(labels, utterances, strict=True):
        parts.setdefault(label, []).append(utterance)
    return parts


def _by_errors(parts: dict[str, list[UtteranceScore]]) -> dict[str, list[UtteranceScore]]:
    names = sorted(parts, key=lambda name: (-sum(u.errors for u in parts[name]), name))
    if len(names) <= MAX_SLICES:
        return {name: parts[name] for name in names}
    others = [utterance for name in names[MAX_SLICES:] for utterance in parts[name]]
    return {name: parts[name] for name in names[:MAX_SLICES]} | {f"{len(names) - MAX_SLICES} others": others}


def _least(utterances: Sequence[UtteranceScore], by: str) -> float:
    """By which slices of numbers are in order."""
    if by == LENGTH:
        return min(float(utterance.num_words) for utterance in utterances)
    return min((number for u in utterances if (number := _number(_value(u, by))) is not None), default=math.inf)


def _slice(by: str, name: str, utterances: Sequence[UtteranceScore]) -> Slice:
    return Slice(by=by, name=name, num_utterances=len(utterances), **pooled(utterances))
