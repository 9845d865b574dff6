"""The letters of a word as numbers."""

import binascii

import pytest

from asr.text.letters import letter_buckets


def test_buckets_are_those_of_sequences_of_three_and_four_characters() -> None:
    pieces = ["<ca", "cat", "at>", "<cat", "cat>"]
    assert letter_buckets("cat", 1000) == [binascii.crc32(piece.encode()) % 1000 for piece in pieces]


def test_case_does_not_matter() -> None:
    assert letter_buckets("McDonald", 64) == letter_buckets("MCDONALD", 64)


@pytest.mark.parametrize("word", ["", "a", "é", "漢字", "\ud800", "x" * 100_000])
def test_each_word_has_some(word: str) -> None:
    buckets = letter_buckets(word, 7)
    assert 1 <= len(buckets) <= 80
    assert all(0 <= bucket < 7 for bucket in buckets)


def test_words_with_the_same_ending_share_buckets() -> None:
    assert set(letter_buckets("singing", 10**6)) & set(letter_buckets("hopping", 10**6))
    assert not set(letter_buckets("singing", 10**6)) & set(letter_buckets("bottle", 10**6))
