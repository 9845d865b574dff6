"""The tagger on running text, in windows."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.text.windows import TagStream
from tests.support.taggers import WORDS, random_tagger

TAGGER = random_tagger()  # windows of 6 + 3 + 4 words
TEXT = [(*WORDS, "other", "words")[number] for number in np.random.default_rng(5).integers(0, 9, 200)]


def rows_of(text: list[str], cuts: list[int]) -> npt.NDArray[np.float32]:
    stream = TagStream(TAGGER)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    rows = [stream.accept(text[a:b]) for a, b in pairwise(edges)]
    return np.concatenate([*rows, stream.finish()])


def row_by_itself(text: list[str], number: int) -> npt.NDArray[np.float32]:
    """The row of one word, computed from the words in its window and nothing else."""
    first = number // 3 * 3
    window = range(max(0, first - 6), min(len(text), first + 3 + 4))
    vectors = np.stack([TAGGER.vector(text[at]) for at in window])[None]
    return TAGGER.log_probs(vectors, np.ones((1, len(window)), bool))[0, number - window.start]


@pytest.mark.parametrize("length", [0, 1, 4, 60])
def test_each_row_comes_from_the_window_around_its_word(length: int) -> None:
    rows = rows_of(TEXT[:length], [])
    assert len(rows) == length
    for number in range(length):
        np.testing.assert_allclose(rows[number], row_by_itself(TEXT[:length], number), atol=1e-5)


@settings(max_examples=6, deadline=None)
@given(length=st.integers(0, 70), cuts=st.lists(st.integers(0, 70), max_size=6))
def test_the_rows_are_equal_bit_for_bit_however_the_text_is_cut(length: int, cuts: list[int]) -> None:
    np.testing.assert_array_equal(rows_of(TEXT[:length], cuts), rows_of(TEXT[:length], []))


def test_word_by_word_each_row_comes_after_the_look_ahead() -> None:
    stream = TagStream(TAGGER)
    decided = 0
    for number, word in enumerate(TEXT[:20], start=1):
        decided += len(stream.accept([word]))
        assert decided == max(0, number - 4) // 3 * 3
        assert len(stream._vectors) <= 6 + 3 + 4
