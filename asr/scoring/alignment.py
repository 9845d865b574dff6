"""A reference and the words of a hypothesis -> the cheapest alignment, word for word.

"minimal" has the least errors and, among those, the fewest substitutions. Its total is the edit distance, which other
scorers report, too; its split into substitutions, deletions and insertions is that of NIST's sclite wherever that tool
has the same total. "sclite" is exact to the tool, which takes a substitution for 4, and an insertion or deletion for 3,
and so buys fewer substitutions with more errors now and then. An optional word that is left out costs 2 there.
"""

from collections.abc import Sequence
from typing import NamedTuple

from asr.scoring.reference import Reference, plain_reference

MINIMAL, SCLITE = "minimal", "sclite"
_ERROR = 1 << 32  # so that no number of substitutions outweighs an error


class WordPair(NamedTuple):
    """One column of an alignment: a reference word and the recognised word; None where one of them is missing.

    `mark`: what went wrong: "S" for a substitution, "D" for a deletion, "I" for an insertion, empty for a right word,
    such as an optional one that was left out, which stands in parentheses.
    """

    reference: str | None
    hypothesis: str | None
    mark: str


class Costs(NamedTuple):
    """What errors cost; `omission` is that of an optional word."""

    substitution: int
    insertion: int
    deletion: int
    omission: int


COSTS = {MINIMAL: Costs(_ERROR + 1, _ERROR, _ERROR, 2), SCLITE: Costs(4, 3, 3, 2)}


def align(reference: Reference, hypothesis: Sequence[str], costs: Costs) -> list[WordPair]:
    """The cheapest alignment, in order. Ties are resolved as sclite does it."""
    from asr.scoring.cheapest_path import aligned  # NumPy is loaded only for this

    if not reference.is_plain:
        return aligned(reference, hypothesis, costs)
    words = [arc.word or "" for arc in reference.arcs]
    begin, end = common_ends(words, hypothesis)
    middle = plain_reference(words[begin : len(words) - end])
    right = [WordPair(word, word, "") for word in words]
    pairs = aligned(middle, hypothesis[begin : len(hypothesis) - end], costs)
    return [*right[:begin], *pairs, *right[len(words) - end :]]


def common_ends(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """How many words are the same at the beginning, and how many of the others at the end."""
    most = min(len(one), len(other))
    begin = next((place for place in range(most) if one[place] != other[place]), most)
    most -= begin
    return begin, next((place for place in range(most) if one[-1 - place] != other[-1 - place]), most)
