"""Bucketing by length: budgets, the order, what a seed fixes; the shares of several processes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.batching import batches_by_length, rank_share


def test_batches_keep_to_the_budget_and_lose_nothing() -> None:
    durations = [0.5 + (7 * i % 23) / 3 for i in range(200)]
    for epoch in range(3):
        plan = batches_by_length(durations, 30.0, rng=np.random.default_rng((1, epoch)))
        assert sorted(index for batch in plan for index in batch) == list(range(200))
        assert all(len(b) * max(durations[i] for i in b) <= 30.0 for b in plan)
        padding = 1 - sum(durations) / sum(len(b) * max(durations[i] for i in b) for b in plan)
        assert padding < 0.15
    first, second = (batches_by_length(durations, 30.0, rng=np.random.default_rng(seed)) for seed in (1, 2))
    assert first != second
    assert first == batches_by_length(durations, 30.0, rng=np.random.default_rng(1))


def test_what_is_longer_than_a_batch_is_one_of_its_own() -> None:
    assert batches_by_length([99.0, 1.0], 30.0) == [[0], [1]]
    assert batches_by_length([], 30.0) == []


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 200), st.integers(0, 3))
def test_without_a_generator_longest_come_first_and_batches_are_as_full_as_can_be(
    lengths: list[int], most: int, end: int
) -> None:
    batches = batches_by_length(lengths, most, end=end)
    order = [index for batch in batches for index in batch]
    assert order == sorted(range(len(lengths)), key=lambda index: -lengths[index])
    for number, batch in enumerate(batches, start=1):
        longest = lengths[batch[0]] + end
        assert longest * len(batch) <= most or len(batch) == 1
        assert number == len(batches) or longest * (len(batch) + 1) > most


def test_texts_with_their_ends_are_counted_and_jittered_by_a_tenth() -> None:
    lengths = [*np.random.default_rng(0).integers(0, 50, 200).tolist(), 300]
    for rng in (None, np.random.default_rng(1)):
        batches = batches_by_length(lengths, 128, rng=rng, jitter=0.1, end=1)
        assert sorted(index for batch in batches for index in batch) == list(range(201))
        sizes = [len(batch) * (max(lengths[index] for index in batch) + 1) for batch in batches]
        assert [size for size in sizes if size > 128] == [301]
        assert sum(sizes) < 1.25 * sum(length + 1 for length in lengths)


@pytest.mark.parametrize(("num_rows", "num_ranks"), [(1, 1), (7, 3), (2, 4)])
def test_each_row_has_one_rank_and_none_is_left_without(num_rows: int, num_ranks: int) -> None:
    shares = [rank_share(num_rows, rank, num_ranks) for rank in range(num_ranks)]
    assert sorted(row for share in shares if not share.is_dummy for row in share.rows) == list(range(num_rows))
    assert all(share.rows for share in shares)
    assert sum(share.is_dummy for share in shares) == max(0, num_ranks - num_rows)
