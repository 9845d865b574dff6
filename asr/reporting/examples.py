"""Utterances of dev with their hypotheses, and which are worth a look."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.errors import ScoringError, TrainingError
from asr.files import read_lines
from asr.scoring import UtteranceScore, score_utterance
from asr.training.run.records import read_records

HEADER = re.compile(r"(.*): \d+ errors? in \d+ words?: \d+ sub, \d+ del, \d+ ins")


@dataclass(frozen=True, slots=True)
class Heard:
    """The hypothesis of an utterance after some epoch."""

    id: str
    reference: str
    hypothesis: str


@dataclass(frozen=True, slots=True)
class Change:
    """One utterance after two epochs."""

    before: UtteranceScore
    after: UtteranceScore

    @property
    def fewer_errors(self) -> int:
        """Below zero if there are more."""
        return self.before.errors - self.after.errors


def read_examples(path: Path) -> dict[int, list[Heard]]:
    """The utterances of an `examples.jsonl` by epoch, in the order of training.

    Raises:
        TrainingError: the file is broken; names the line.
    """
    examples: dict[int, list[Heard]] = {}
    for record in read_records(path):
        texts = [value for key in ("id", "reference", "hypothesis") if isinstance(value := record.get(key), str)]
        if len(texts) < 3:
            raise TrainingError(
                f"{path}, epoch {record['epoch']}: expected the texts id, reference and hypothesis, found {record}"
            )
        examples.setdefault(record["epoch"], []).append(Heard(*texts))
    return examples


def read_listing(path: Path) -> list[UtteranceScore]:
    """The utterances of a file that `asr.scoring.aligned_listing` wrote without a width; [] if it is no listing.

    Raises:
        ScoringError: the listing is broken; names the line.
    """
    lines = read_lines(path, ScoringError)
    utterances = []
    for number, line in enumerate(lines):
        if header := HEADER.fullmatch(line):
            reference, hypothesis = (_words(lines, number + place, path) for place in (1, 2))
            utterances.append(score_utterance(header[1], reference, hypothesis))
    return utterances


def changes(before: Sequence[Heard], after: Sequence[Heard]) -> list[Change]:
    """The utterances that changed in their number of errors, the most improved first; [] if they are not the same."""
    if [(heard.id, heard.reference) for heard in before] != [(heard.id, heard.reference) for heard in after]:
        return []
    both = [Change(*map(scored, pair)) for pair in zip(before, after, strict=True)]
    return sorted((change for change in both if change.fewer_errors), key=lambda change: -change.fewer_errors)


def scored(heard: Heard) -> UtteranceScore:
    """Aligned word for word."""
    return score_utterance(heard.id, heard.reference, heard.hypothesis)


def worst(utterances: Sequence[UtteranceScore], count: int) -> list[UtteranceScore]:
    """Those with the highest error rates; among equals the longer ones first."""
    wrong = [utterance for utterance in utterances if utterance.errors]
    return sorted(wrong, key=lambda u: (-_error_rate(u), -u.errors))[:count]


def best(utterances: Sequence[UtteranceScore], count: int) -> list[UtteranceScore]:
    """Those with the lowest error rates; among equals the longest, which were the hardest to get right."""
    return sorted(utterances, key=lambda u: (_error_rate(u), -u.num_words))[:count]


def _error_rate(utterance: UtteranceScore) -> float:
    return utterance.errors / max(1, utterance.num_words)


def _words(lines: Sequence[str], number: int, path: Path) -> str:
    """The words of a REF or HYP line; asterisks mark a word that only the other line has."""
    line = lines[number] if number < len(lines) else ""
    if not line.startswith(("REF:", "HYP:")):
        raise ScoringError(f"{path}, line {number + 1}: expected REF: or HYP: and its words")
    return " ".join(word for word in line[4:].split() if word.strip("*"))
