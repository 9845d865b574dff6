"""References and hypotheses -> their error rates, pooled over utterances, with a 95 % confidence interval.

Words are separated by Unicode white space, so U+00A0 and U+3000 separate words, as they do in training texts (NIST's
sclite splits only at ASCII white space). Texts are compared in NFC, so an accented letter is one character, however it
is stored. Nothing else is normalised: "Cat" and "CAT" differ. Characters are graphemes, and a space between two words
is one, unless it is asked to leave them out.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import repeat

from rapidfuzz.distance import Levenshtein

from asr.errors import ScoringError
from asr.scoring.alignment import COSTS, MINIMAL, align, common_ends
from asr.scoring.inputs.contents import NO_FACTS, Fact
from asr.scoring.pooled import pooled
from asr.scoring.record import Score, UtteranceScore
from asr.scoring.reference import Reference, plain_reference
from asr.text.graphemes import graphemes

MAX_CELLS = 4 * 10**9  # reference words times hypothesis words of one utterance: some seconds


def score(
    references: Sequence[str | Reference],
    hypotheses: Sequence[str],
    *,
    ids: Sequence[str] | None = None,
    facts: Sequence[Mapping[str, Fact]] | None = None,
    alignment: str = MINIMAL,
    spaces: bool = True,
) -> Score:
    """Score hypotheses against references, matched by position; a rate is all errors over all reference words.

    A reference may be empty: each word of its hypothesis is an insertion. If all are, there is no rate (NaN). `ids`
    name the utterances; "1", "2", ... if None. `facts`: what else is known of each, such as its speaker. `alignment`:
    "minimal" or "sclite" (`asr.scoring.alignment`). Without `spaces` the character error rate is that of the texts
    without them, as is right for scripts that write none.

    Raises:
        ScoringError: if the numbers of texts differ, there is no alignment of this name, or a text is too long.

    >>> score(["THE CAT SAT", ""], ["THE BAT SAT", "OH"]).wer
    0.6666666666666666
    """
    if ids is None:
        ids = [str(number) for number in range(1, len(references) + 1)]
    _check_texts(references, hypotheses, ids, facts)
    utterances = tuple(
        score_utterance(id, reference, hypothesis, facts=known, alignment=alignment, spaces=spaces)
        for id, reference, hypothesis, known in zip(
            ids, references, hypotheses, facts or repeat(NO_FACTS, len(ids)), strict=True
        )
    )
    return Score(
        **pooled(utterances),
        utterances=utterances,
        alignment=alignment,
        characters="with spaces" if spaces else "without spaces",
    )


def score_utterance(
    id: str,
    reference: str | Reference,
    hypothesis: str,
    *,
    facts: Mapping[str, Fact] = NO_FACTS,
    alignment: str = MINIMAL,
    spaces: bool = True,
) -> UtteranceScore:
    """Count the errors of one pair of texts; either may be empty.

    Raises:
        ScoringError: there is no alignment of this name, or the texts are too long.
    """
    if alignment not in COSTS:
        raise ScoringError(f"found the alignment {alignment!r}; expected {' or '.join(COSTS)}")
    graph = None if isinstance(reference, str) or reference.is_plain else reference
    heard = _words(hypothesis)
    if graph is not None or alignment != MINIMAL:
        scored = _score_aligned(id, reference, heard, alignment=alignment, spaces=spaces)
        return replace(scored, facts=tuple(facts.items()))
    wanted = _words(reference if isinstance(reference, str) else reference.text)
    substitutions, deletions, insertions = _minimal_counts(wanted, heard, id)
    counts = (substitutions, deletions, insertions)
    return _utterance(id, wanted, heard, counts, spaces=spaces, facts=tuple(facts.items()))


def _words(text: str) -> list[str]:
    return unicodedata.normalize("NFC", text).split()


def _score_aligned(
    id: str, reference: str | Reference, heard: list[str], *, alignment: str, spaces: bool
) -> UtteranceScore:
    """Count the marks of the alignment itself, which alone says which of the alternatives of a reference was taken."""
    graph = plain_reference(_words(reference)) if isinstance(reference, str) else reference
    _refuse_too_long([arc.word or "" for arc in graph.arcs], heard, id)
    pairs = align(graph, heard, COSTS[alignment])
    marks = [pair.mark for pair in pairs]
    scored = _utterance(
        id,
        [pair.reference for pair in pairs if pair.reference is not None],
        heard,
        (marks.count("S"), marks.count("D"), marks.count("I")),
        spoken=[pair.reference for pair in pairs if pair.reference and (pair.hypothesis or pair.mark)],
        spaces=spaces,
    )
    return replace(scored, alignment=alignment, graph=None if graph.is_plain else graph)


def _minimal_counts(wanted: list[str], heard: list[str], id: str) -> tuple[int, int, int]:
    """Substitutions, deletions and insertions by one edit distance, in which an error outweighs all substitutions."""
    _refuse_too_long(wanted, heard, id)
    weight = max(len(wanted), len(heard)) + 1
    cost = Levenshtein.distance(wanted, heard, weights=(weight, weight, weight + 1))
    errors, substitutions = divmod(cost, weight)
    gaps, surplus = errors - substitutions, len(wanted) - len(heard)
    return substitutions, (gaps + surplus) // 2, (gaps - surplus) // 2


def _utterance(
    id: str,
    wanted: list[str],
    heard: list[str],
    counts: tuple[int, int, int],
    *,
    spaces: bool,
    spoken: list[str] | None = None,
    facts: tuple[tuple[str, Fact], ...] = (),
) -> UtteranceScore:
    """`spoken`: the words of the reference whose characters count, if not all."""
    substitutions, deletions, insertions = counts
    space = " " if spaces else ""
    characters, found = space.join(wanted if spoken is None else spoken), space.join(heard)
    units = (
        (characters, found) if characters.isascii() and found.isascii() else (graphemes(characters), graphemes(found))
    )
    _refuse_too_long(units[0], units[1], id, at_once=64)
    return UtteranceScore(
        id=id,
        reference=" ".join(wanted),
        hypothesis=" ".join(heard),
        num_words=len(wanted),
        num_characters=len(units[0]),
        substitutions=substitutions,
        deletions=deletions,
        insertions=insertions,
        character_errors=Levenshtein.distance(*units),
        facts=facts,
    )


def _refuse_too_long(wanted: Sequence[str], heard: Sequence[str], id: str, *, at_once: int = 1) -> None:
    """`at_once`: how many cells of the table are computed in one step."""
    most = at_once * MAX_CELLS
    if len(wanted) * len(heard) <= most:
        return
    begin, end = common_ends(wanted, heard)  # cost nothing
    if (len(wanted) - begin - end) * (len(heard) - begin - end) > most:
        raise ScoringError(
            f"utterance {id}: is too long to be aligned ({len(wanted):,} by {len(heard):,}); cut it into utterances"
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


def _check_texts(
    references: Sequence[str | Reference], hypotheses: Sequence[str], ids: Sequence[str], facts: Sequence[object] | None
) -> None:
    if isinstance(references, str) or isinstance(hypotheses, str):
        raise ScoringError("expected lists of texts, found a single text; put it into a list")
    if len(references) != len(hypotheses):
        raise ScoringError(
            f"found {len(references)} references and {len(hypotheses)} hypotheses; "
            "expected one hypothesis for each reference, in the same order"
        )
    if len(ids) != len(references):
        raise ScoringError(f"found {len(ids)} ids for {len(references)} references; expected one id for each")
    if facts is not None and len(facts) != len(references):
        raise ScoringError(f"found {len(facts)} facts for {len(references)} references; expected those of each")
