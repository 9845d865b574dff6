"""Rescoring of n-best lists, by hand."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.errors import SearchError
from asr.search.hypothesis import Hypothesis
from asr.search.rescore import rescore

FIRST = Hypothesis((1, 2), -10.0, (0, 4), fusion_score=-3.0)
SECOND = Hypothesis((1, 3), -11.0, (0, 5), fusion_score=-4.0)
THIRD = Hypothesis((1, 3, 3), -12.0, (0, 5, 9))
TEXTS = ["A B", "A C", "A C C"]
LM_SCORES = [-8.0, -2.0, -2.5]


def test_by_hand() -> None:
    assert rescore([FIRST, SECOND, THIRD], TEXTS, LM_SCORES, weight=0.5) == [
        Hypothesis((1, 3), -12.0, (0, 5), fusion_score=-5.0),
        Hypothesis((1, 3, 3), -13.25, (0, 5, 9), fusion_score=-1.25),
        Hypothesis((1, 2), -14.0, (0, 4), fusion_score=-7.0),
    ]


def test_weight_zero_changes_nothing() -> None:
    assert rescore([FIRST, SECOND, THIRD], TEXTS, LM_SCORES, weight=0.0) == [FIRST, SECOND, THIRD]


def test_equals_stay_in_their_order() -> None:
    equal = [Hypothesis((n,), -1.0, (0,)) for n in (5, 3, 9)]
    assert rescore(equal, ["A", "B", "C"], [-1.0, -1.0, -1.0], weight=1.0) == rescore(
        equal, ["A", "B", "C"], [-2.0, -2.0, -2.0], weight=0.5
    )
    assert [h.tokens for h in rescore(equal, ["A", "B", "C"], [-1.0] * 3, weight=1.0)] == [(5,), (3,), (9,)]


@given(
    st.lists(st.tuples(st.floats(-1e3, 0), st.floats(-1e3, 0)), max_size=8),
    st.floats(0, 10),
)
def test_nothing_is_lost_and_the_order_is_that_of_the_scores(rows: list[tuple[float, float]], weight: float) -> None:
    hypotheses = [Hypothesis((number,), score, (0,)) for number, (score, _) in enumerate(rows)]
    rescored = rescore(hypotheses, ["X"] * len(rows), [lm for _, lm in rows], weight=weight)
    expected = {number: score + weight * lm for number, (score, lm) in enumerate(rows)}
    assert {h.tokens[0]: h.score for h in rescored} == expected
    assert [h.tokens[0] for h in rescored] == sorted(expected, key=lambda number: (-expected[number], number))


@pytest.mark.parametrize(
    ("texts", "lm_scores", "options", "message"),
    [
        (["A"], [-1.0, -2.0], {}, "2 hypotheses, 1 texts and 2 scores"),
        (["A", "B"], [-1.0], {}, "2 hypotheses, 2 texts and 1 scores"),
        (["A", "B"], [-1.0, math.nan], {}, "scores 'B' with nan"),
        (["A", "B"], [-math.inf, -1.0], {}, "scores 'A' with -inf"),
        (["A", "B"], [0.5, -1.0], {}, "scores 'A' with 0.5"),
        (["A", "B"], [-1.0, -1.0], {"weight": -0.1}, "weight is -0.1"),
        (["A", "B"], [-1.0, -1.0], {"weight": math.nan}, "weight is nan"),
        (["A", "B"], [-1.0, -1.0], {"weight": math.inf}, "weight is inf; expected a finite number, 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(
    texts: list[str], lm_scores: list[float], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SearchError, match=message):
        rescore([FIRST, SECOND], texts, lm_scores, **{"weight": 1.0, **options})
