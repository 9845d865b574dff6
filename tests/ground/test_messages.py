"""How messages name a few of many."""

import pytest

from asr.messages import named


@pytest.mark.parametrize(
    ("count", "separator", "expected"),
    [
        (0, ", ", ""),
        (2, ", ", "0, 1"),
        (3, ", ", "0, 1, 2"),
        (5, ", ", "0, 1, 2 and 2 more"),
        (5, "; ", "0; 1; 2; and 2 more"),
    ],
)
def test_the_first_are_named_and_the_rest_counted(count: int, separator: str, expected: str) -> None:
    assert named(list(map(str, range(count))), most=3, separator=separator) == expected
