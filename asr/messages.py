"""What messages have in common."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

MAX_NAMED = 10  # how many bad items a message names before it only counts

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""


def named(items: Sequence[str], *, most: int = MAX_NAMED, separator: str = ", ") -> str:
    """The first items, and how many more there are: "a, b and 3 more"."""
    more = f"{separator.rstrip(', ')} and {len(items) - most} more" if len(items) > most else ""
    return separator.join(items[:most]) + more
