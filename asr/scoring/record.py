"""What scoring finds: the counts of each utterance and of all. Everything else is a view of these."""

import math
from dataclasses import dataclass, field
from typing import Any

from asr.scoring.alignment import COSTS, MINIMAL, WordPair, align
from asr.scoring.inputs.contents import Fact
from asr.scoring.reference import Reference, plain_reference


class Rates:
    """The rates of error that follow from counts, as fractions; NaN where there is nothing to divide by.

    `wer`: errors per reference word, above 1 if there are more errors than words. `mer`, the match error rate: errors
    per column of the alignment. `wil`, word information lost: 1 - correct² / (reference words * hypothesis words).
    `cer`: wrong characters per reference character.
    Morris, Maier and Green, "From WER and RIL to MER and WIL", Interspeech 2004.
    """

    __slots__ = ()

    num_words: int
    num_characters: int
    substitutions: int
    deletions: int
    insertions: int
    character_errors: int

    @property
    def errors(self) -> int:
        """Wrong words of all three kinds."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def correct(self) -> int:
        """Reference words that were recognised, and optional ones that were left out."""
        return self.num_words - self.substitutions - self.deletions

    @property
    def num_hypothesis_words(self) -> int:
        """Words of the hypothesis (with optional words that were left out)."""
        return self.correct + self.substitutions + self.insertions

    @property
    def wer(self) -> float:
        return _ratio(self.errors, self.num_words)

    @property
    def cer(self) -> float:
        return _ratio(self.character_errors, self.num_characters)

    @property
    def mer(self) -> float:
        return _ratio(self.errors, self.errors + self.correct)

    @property
    def wil(self) -> float:
        return 1 - _ratio(self.correct**2, self.num_words * self.num_hypothesis_words)


@dataclass(frozen=True, slots=True)
class UtteranceScore(Rates):
    """The errors of one utterance. The texts are in NFC, with single spaces.

    `reference`: its words; of alternatives those that were found. `num_words` and `num_characters` are the reference's;
    characters are graphemes. `character_errors` counts all three kinds for characters. `graph` is the reference with
    its alternatives, None if it has none; `alignment`: by which the words were counted. `facts`: what else is known of
    the utterance, such as its speaker, by name.
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
    alignment: str = MINIMAL
    graph: Reference | None = field(default=None, repr=False)
    facts: tuple[tuple[str, Fact], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Texts and counts; `facts`, and the arcs of the `graph`, if there are any."""
        names: tuple[str, ...] = ("id", "reference", "hypothesis", "num_words", "num_characters")
        names += ("substitutions", "deletions", "insertions", "character_errors")
        found = {name: getattr(self, name) for name in names}
        if self.facts:
            found["facts"] = dict(self.facts)
        if self.graph is not None:
            found["graph"] = [[a.start, a.end, a.word, a.optional, a.fragment] for a in self.graph.arcs]
        return found

    def aligned_words(self) -> list[WordPair]:
        """The alignment word for word, in order. It is made anew at each call: only the counts are kept."""
        graph = self.graph or plain_reference(self.reference.split())
        return align(graph, self.hypothesis.split(), COSTS[self.alignment])

    def correct_words(self) -> list[bool]:
        """For each word of the hypothesis, whether it is the reference's, by the alignment."""
        return [not pair.mark for pair in self.aligned_words() if pair.hypothesis is not None]


@dataclass(frozen=True, slots=True)
class Score(Rates):
    """Errors pooled over utterances: each rate is that of the sums, never a mean of utterances.

    `wer_low` and `wer_high` bound the 95 % interval of `wer`; `num_words` and `num_characters` are the references'.
    `alignment`: how words were aligned; `characters`: what the character error rate counts.
    """

    wer_low: float
    wer_high: float
    num_words: int
    num_characters: int
    substitutions: int
    deletions: int
    insertions: int
    character_errors: int
    utterances: tuple[UtteranceScore, ...]
    alignment: str = MINIMAL
    characters: str = "with spaces"

    @property
    def num_utterances(self) -> int:
        return len(self.utterances)

    @property
    def num_wrong_utterances(self) -> int:
        return sum(utterance.errors > 0 for utterance in self.utterances)

    @property
    def sentence_error_rate(self) -> float:
        """The share of utterances with an error."""
        return _ratio(self.num_wrong_utterances, self.num_utterances)

    def to_json(self, *, utterances: bool = False) -> dict[str, Any]:
        """What `--json` prints: rates as fractions, None where there is none; and the counts. With `utterances`, also
        each of these, so that `asr.scoring.stored` makes the same score of it."""
        names: tuple[str, ...] = (
            "wer",
            "cer",
            "wer_low",
            "wer_high",
            "mer",
            "wil",
            "sentence_error_rate",
            "num_words",
            "correct",
        )
        names += ("substitutions", "deletions", "insertions", "num_characters", "character_errors", "num_utterances")
        names += ("num_wrong_utterances", "alignment", "characters")
        values = {name: getattr(self, name) for name in names}
        found = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}
        return found | {"utterances": [one.to_json() for one in self.utterances]} if utterances else found


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
