"""Word and character error rates (WER, CER), pooled over utterances, with a 95 % confidence interval.

Words are separated by Unicode white space, so U+00A0 and U+3000 separate words, as they do in training texts (NIST's
sclite splits only at ASCII white space). Nothing else is normalised, so "Cat" and "CAT" differ. Characters are counted
after each run of white space was made one space, and removed at the ends. jiwer aligns each utterance by the smallest
number of errors. That number is unique, but its split into substitutions, deletions and insertions is not: another
scorer may report two substitutions where this one reports a deletion and an insertion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

import jiwer

from asr.errors import ScoringError
from asr.scoring.interval import error_interval


class AlignmentChunk(NamedTuple):
    """A stretch of equal or of wrong words: `reference.split()[a:b]` against `hypothesis.split()[c:d]`.

    A deletion has an empty stretch of the hypothesis, an insertion an empty one of the reference; otherwise both are
    equally long.
    """

    reference_start: int
    reference_end: int
    hypothesis_start: int
    hypothesis_end: int


class WordPair(NamedTuple):
    """One column of an alignment: a reference word and the recognised word; None where one of them is missing."""

    reference: str | None
    hypothesis: str | None

    @property
    def mark(self) -> str:
        """What went wrong: "S" for a substitution, "D" for a deletion, "I" for an insertion, empty for equal words."""
        if self.reference is None:
            return "I"
        if self.hypothesis is None:
            return "D"
        return "" if self.reference == self.hypothesis else "S"


@dataclass(frozen=True, slots=True)
class UtteranceScore:
    """The errors of one utterance. The texts have single spaces; `num_words` and `num_characters` are the reference's.

    `substitutions`, `deletions` and `insertions` count words; `character_errors` counts all three for characters.
    """

    id: str
    reference: str
    hypothesis: str
    num_words: int
    num_characters: int
    substitutions: int
    deletions: int
    insertions: int
    character_errors: int
    alignment: tuple[AlignmentChunk, ...]

    @property
    def errors(self) -> int:
        """Wrong words of all three kinds."""
        return self.substitutions + self.deletions + self.insertions

    def aligned_words(self) -> list[WordPair]:
        """The alignment word for word, in order."""
        reference, hypothesis = self.reference.split(), self.hypothesis.split()
        return [
            WordPair(*words) for a, b, c, d in self.alignment for words in zip_longest(reference[a:b], hypothesis[c:d])
        ]

    def correct_words(self) -> list[bool]:
        """For each word of the hypothesis, whether it is the reference's, by the alignment."""
        return [not pair.mark for pair in self.aligned_words() if pair.hypothesis is not None]


@dataclass(frozen=True, slots=True)
class Score:
    """Errors pooled over utterances. Rates are fractions, 0 or more, and above 1 if there are more errors than words.

    `wer_low` and `wer_high` bound the 95 % interval of `wer`; `num_words` and `num_characters` are the references'.
    """

    wer: float
    cer: float
    wer_low: float
    wer_high: float
    num_words: int
    num_characters: int
    substitutions: int
    deletions: int
    insertions: int
    num_utterances: int
    num_wrong_utterances: int
    utterances: tuple[UtteranceScore, ...]

    @property
    def errors(self) -> int:
        """Wrong words of all three kinds."""
        return self.substitutions + self.deletions + self.insertions

    def to_json(self) -> dict[str, float | int]:
        """What `--json` prints: rates as fractions, and the counts of words."""
        return {
            "wer": self.wer,
            "cer": self.cer,
            "wer_low": self.wer_low,
            "wer_high": self.wer_high,
            "num_words": self.num_words,
            "substitutions": self.substitutions,
            "deletions": self.deletions,
            "insertions": self.insertions,
        }


def score(references: Sequence[str], hypotheses: Sequence[str], *, ids: Sequence[str] | None = None) -> Score:
    """Score hypotheses against references, matched by position; a rate is all errors over all reference words.

    A reference may be empty: each word of its hypothesis is an insertion. `ids` name the utterances; "1", "2", ... if
    None.

    Raises:
        ScoringError: if the numbers of texts differ, or no reference has a word, which leaves the rate undefined.

    >>> score(["THE CAT SAT", ""], ["THE BAT SAT", "OH"]).wer
    0.6666666666666666
    """
    if ids is None:
        ids = [str(number) for number in range(1, len(references) + 1)]
    _check_texts(references, hypotheses, ids)
    refuse_no_words(references)
    utterances = tuple(map(score_utterance, ids, references, hypotheses))
    num_words = sum(u.num_words for u in utterances)
    num_characters = sum(u.num_characters for u in utterances)
    low, high = error_interval([u.errors for u in utterances], [u.num_words for u in utterances])
    return Score(
        wer=sum(u.errors for u in utterances) / num_words,
        cer=sum(u.character_errors for u in utterances) / num_characters,
        wer_low=low,
        wer_high=high,
        num_words=num_words,
        num_characters=num_characters,
        substitutions=sum(u.substitutions for u in utterances),
        deletions=sum(u.deletions for u in utterances),
        insertions=sum(u.insertions for u in utterances),
        num_utterances=len(utterances),
        num_wrong_utterances=sum(u.errors > 0 for u in utterances),
        utterances=utterances,
    )


def score_utterance(id: str, reference: str, hypothesis: str) -> UtteranceScore:
    """Align one pair of texts and count its errors; either may be empty."""
    # jiwer splits at U+0020 only and keeps runs of spaces as characters. Its rates are not used: without reference
    # words they are bare counts.
    reference, hypothesis = " ".join(reference.split()), " ".join(hypothesis.split())
    words = jiwer.process_words(reference, hypothesis)
    characters = jiwer.process_characters(reference, hypothesis)
    return UtteranceScore(
        id=id,
        reference=reference,
        hypothesis=hypothesis,
        num_words=len(reference.split()),
        num_characters=len(reference),
        substitutions=words.substitutions,
        deletions=words.deletions,
        insertions=words.insertions,
        character_errors=characters.substitutions + characters.deletions + characters.insertions,
        alignment=tuple(
            AlignmentChunk(chunk.ref_start_idx, chunk.ref_end_idx, chunk.hyp_start_idx, chunk.hyp_end_idx)
            for chunk in words.alignments[0]
        ),
    )


def refuse_no_words(references: Sequence[str]) -> None:
    """Refuse references without words, before hours of recognition that could not be scored.

    Raises:
        ScoringError: no reference has a word, which leaves the error rate undefined.
    """
    if not any(reference.split() for reference in references):
        raise ScoringError(
            f"the references have no words, so there is no error rate ({len(references)} utterances, all empty); "
            "give at least one reference with a word"
        )


def _check_texts(references: Sequence[str], hypotheses: Sequence[str], ids: Sequence[str]) -> None:
    if isinstance(references, str) or isinstance(hypotheses, str):
        raise ScoringError("expected lists of texts, found a single text; put it into a list")
    if len(references) != len(hypotheses):
        raise ScoringError(
            f"found {len(references)} references and {len(hypotheses)} hypotheses; "
            "expected one hypothesis for each reference, in the same order"
        )
    if len(ids) != len(references):
        raise ScoringError(f"found {len(ids)} ids for {len(references)} references; expected one id for each")
