"""The letters of a word as numbers: hashed sequences of characters (Bojanowski et al. 2017).

They say something about each word, also one that was never seen: names, endings, foreign spellings.
"""

from zlib import crc32

_LENGTHS = (3, 4)
_LONGEST = 40  # characters that are looked at


def letter_buckets(word: str, num_buckets: int) -> list[int]:
    """The bucket, from 0 to less than `num_buckets`, of each sequence of 3 or 4 characters of `<word>`, in order.

    Case does not matter. Never empty: an empty word is `<>`.
    """
    text = f"<{word.lower()[:_LONGEST]}>"
    pieces = [text[at : at + n] for n in _LENGTHS for at in range(len(text) - n + 1)] or [text]
    return [crc32(piece.encode("utf-8", "surrogatepass")) % num_buckets for piece in pieces]
