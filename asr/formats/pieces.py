"""Words -> pieces of text that fit into a line of subtitles, with times in whole milliseconds that always rise."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from asr.transcript import Word


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, or a part of one that is wider than a line.

    `start` and `end` in milliseconds; `left` and `right` are its columns in a line of the whole text, so that the width
    of pieces in a row is a difference. `continues`: it belongs to the word of the piece before.
    """

    text: str
    start: int
    end: int
    left: int
    right: int
    continues: bool


def pieces_of(words: Sequence[Word], end: int, line_width: int) -> list[Piece]:
    """The pieces of words in a sound that ends at `end`, in milliseconds; each starts at least 1 ms after the one
    before it, and before the end, as far as there are so many milliseconds."""
    pieces: list[Piece] = []
    for word in words:
        for text, start, stop, continues in _parts(word, line_width):
            left = (pieces[-1].right + (not continues)) if pieces else 0
            begin = max(start, pieces[-1].start + 1 if pieces else 0)
            pieces.append(Piece(text, begin, max(stop, begin + 1), left, left + width(text), continues))
    latest = end
    for number in range(len(pieces) - 1, -1, -1):
        latest = max(0, min(latest - 1, pieces[number].start))
        pieces[number] = replace(pieces[number], start=latest, end=min(end, pieces[number].end))
    return pieces


def joined(pieces: Sequence[Piece]) -> str:
    """Their text, with spaces between words."""
    return "".join(f"{'' if piece.continues or not number else ' '}{piece.text}" for number, piece in enumerate(pieces))


def width(text: str) -> int:
    """In characters of the usual width: wide ones count as two, accents that stand on another as none."""
    return len(text) if text.isascii() else sum(_width_of(character) for character in text)


def _width_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _parts(word: Word, line_width: int) -> Iterator[tuple[str, int, int, bool]]:
    """Text, start, end, and whether it continues the part before. Times in a word are shared out by width."""
    texts = [(part, number > 0) for text in word.text.split() for number, part in enumerate(_split(text, line_width))]
    total = sum(width(text) for text, _ in texts) or 1
    reached = 0
    for text, continues in texts:
        start = word.start + (word.end - word.start) * reached / total
        reached += width(text)
        end = word.start + (word.end - word.start) * reached / total
        yield text, round(1000 * start), round(1000 * end), continues


def _split(text: str, line_width: int) -> list[str]:
    """Parts of about the same width, of which none is wider than a line."""
    if width(text) <= line_width:
        return [text]
    num_parts = -(-width(text) // (line_width - 1))  # a wide character may have to leave a column empty
    share, parts, reached = width(text) / num_parts, [""], 0
    for character in text:
        if parts[-1] and _width_of(character) and reached >= share * len(parts) - 1e-6:
            parts.append("")
        parts[-1] += character
        reached += _width_of(character)
    return parts
