"""Pauses of sounds made of known parts; words at known places, of which a model shows the tokens elsewhere."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.alignment.word_times import word_times


def rounded(intervals: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(round(a, 2), round(b, 2)) for a, b in intervals]


# Three words of 2, 1 and 2 tokens.
SHOWN = [(0.5, 0.54), (0.62, 0.66), (0.78, 0.82), (0.94, 0.98), (1.1, 1.14)]
WORDS = [(0, 2), (2, 3), (3, 5)]


def test_words_meet_half_way_and_reach_a_fifth_of_a_second_at_most() -> None:
    times = rounded(word_times(SHOWN, WORDS, [], duration=3.0))
    assert times == [(0.3, 0.72), (0.72, 0.88), (0.88, 1.34)]
    far = word_times([(0.5, 0.54), (1.5, 1.54)], [(0, 1), (1, 2)], [], duration=3.0)
    assert rounded(far) == [(0.3, 0.74), (1.3, 1.74)]


def test_words_end_and_begin_at_a_pause() -> None:
    times = rounded(word_times(SHOWN, WORDS, [(0.0, 0.4), (0.68, 0.77), (1.2, 3.0)], duration=3.0))
    assert times == [(0.4, 0.68), (0.77, 0.88), (0.88, 1.2)]


def test_tokens_shown_in_the_silence_at_the_ends_are_moved_out_and_others_make_room() -> None:
    early = [(0.0, 0.04), (0.08, 0.12), (0.78, 0.82), (0.94, 0.98), (2.9, 2.94)]
    first, second, last = word_times(early, WORDS, [(0.0, 0.5), (1.2, 3.0)], duration=3.0)
    assert first[0] == 0.5
    assert 0.55 < first[1] == second[0] < 0.78
    assert last[1] == 1.2
    assert last[0] == pytest.approx(0.88, abs=0.05)


def test_several_words_shown_in_the_silence_are_moved_out_one_after_the_other() -> None:
    shown = [(0.1 * i, 0.1 * i + 0.04) for i in range(4)] + [(0.9, 0.94)]
    times = word_times(shown, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], [(0.0, 0.5)], duration=2.0)
    # They are as close as 80 % of the usual 0.1 s: shown from 0.5, 0.58, 0.66 and 0.74 s on.
    assert rounded(times) == [(0.5, 0.56), (0.56, 0.64), (0.64, 0.72), (0.72, 0.84), (0.84, 1.14)]


@pytest.mark.parametrize(("shown", "end", "start"), [((0.72, 0.76), 0.7, 1.3), ((1.2, 1.24), 0.7, 1.3)])
def test_a_pause_parts_the_words_that_are_shown_on_both_sides_of_it(
    shown: tuple[float, float], end: float, start: float
) -> None:
    """The second word is shown inside the pause; it belongs to the side that it is nearer to."""
    tokens = [(0.5, 0.54), (0.6, 0.64), shown, (1.4, 1.44), (1.5, 1.54)]
    times = word_times(tokens, WORDS, [(0.7, 1.3)], duration=3.0)
    before = 2 if shown[0] < 1 else 1
    assert times[before - 1][1] == end
    assert times[before][0] == start


def test_a_pause_inside_a_word_and_one_that_leaves_a_word_no_room_are_passed_over() -> None:
    inside = word_times([(0.3, 0.34), (1.2, 1.24)], [(0, 2)], [(0.5, 1.0)], duration=2.0)
    assert rounded(inside) == [(0.1, 1.44)]
    everywhere = word_times(SHOWN, WORDS, [(0.0, 3.0)], duration=3.0)
    assert everywhere == word_times(SHOWN, WORDS, [], duration=3.0)


def test_two_pauses_at_one_place_count_with_what_is_between_them() -> None:
    pauses = [(0.0, 0.4), (0.5, 0.85), (1.0, 1.4), (1.5, 2.0)]
    assert word_times([(0.9, 0.94)], [(0, 1)], pauses, duration=2.0) == [(0.85, 1.0)]


times_of_tokens = st.lists(st.integers(0, 200), min_size=1, max_size=12, unique=True).map(sorted)


@settings(max_examples=60)
@given(times_of_tokens, st.data())
def test_words_are_in_order_inside_the_sound_and_have_a_length(frames: list[int], data: st.DataObject) -> None:
    shown = [((f - 0.5) * 0.02, (f + 0.5) * 0.02) for f in frames]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(frames)), max_size=6)) | {len(frames)})
    words = list(pairwise([0, *cuts]))
    edges = sorted(data.draw(st.sets(st.integers(0, 402), max_size=8)))
    pauses = [(a / 100, b / 100) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    times = word_times(shown, words, pauses, duration=4.02)
    assert len(times) == len(words)
    assert all(0 <= start < end <= 4.02 for start, end in times)
    assert all(left[1] <= right[0] for left, right in pairwise(times))
