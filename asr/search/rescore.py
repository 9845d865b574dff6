"""N-best rescoring: the scores of a second language model, which sees whole texts, added to those of the search."""

import math
from collections.abc import Sequence
from dataclasses import replace

from asr.errors import SearchError
from asr.search.hypothesis import Hypothesis


def rescore(
    hypotheses: Sequence[Hypothesis],
    texts: Sequence[str],
    lm_scores: Sequence[float],
    *,
    weight: float,
) -> list[Hypothesis]:
    """The hypotheses with `weight` times the natural-log `lm_scores` of their `texts` added to `score` and
    `fusion_score`; best first, equals in the order they came in.

    Raises:
        SearchError: the lists are of different lengths, a score is not a natural-log probability, or the weight is
            negative or not finite.
    """
    if not len(hypotheses) == len(texts) == len(lm_scores):
        raise SearchError(
            f"{len(hypotheses)} hypotheses, {len(texts)} texts and {len(lm_scores)} scores of the language model; "
            "expected as many of each"
        )
    if not 0 <= weight < math.inf:
        raise SearchError(f"weight is {weight}; expected a finite number, 0 or more")
    for text, lm_score in zip(texts, lm_scores, strict=True):
        if not -math.inf < lm_score <= 0:
            raise SearchError(
                f"the language model scores {text!r:.80} with {lm_score}; expected a natural-log probability"
            )
    rescored = [
        _with_added(hypothesis, weight * lm_score) for hypothesis, lm_score in zip(hypotheses, lm_scores, strict=True)
    ]
    return sorted(rescored, key=lambda hypothesis: -hypothesis.score)


def _with_added(hypothesis: Hypothesis, added: float) -> Hypothesis:
    return replace(hypothesis, score=hypothesis.score + added, fusion_score=hypothesis.fusion_score + added)
