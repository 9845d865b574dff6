"""How often n-grams occur in text, counted in pieces that fit into memory.

Text -> word ids on disk -> the windows of `order` words that end at each word, sorted out by their last word but one ->
n-grams of all orders with their counts, part by part. An n-gram, its suffix, and all n-grams of its context have the
same last word but one, so each part has all that Kneser-Ney smoothing needs for its n-grams, except for unigrams.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr.errors import LanguageModelError
from asr.lm.records import RecordFiles, Records, append_array, pack, sum_equal
from asr.lm.vocabulary import END_ID, SPECIAL_WORDS, START_ID, WHITE_SPACE

_WHITE_SPACE = frozenset(WHITE_SPACE.decode())


class EncodedText(NamedTuple):
    path: Path  # int32 word ids, each sentence with start and end
    words: list[str]  # the special words, then the others as they first occur
    counts: np.ndarray  # int64 [num_words]: how often each word occurs


class NGramCounts(NamedTuple):
    """The n-grams of one order in one part.

    In `words` the last word but one comes first, then the last, then the earlier ones, the nearest first: so rows in
    lexicographic order have n-grams with one suffix next to each other.
    """

    words: np.ndarray  # int32 [num_ngrams, n]
    adjusted: np.ndarray  # int64 [num_ngrams]: the count that Kneser-Ney smoothing uses
    is_kept: np.ndarray  # bool [num_ngrams]: it occurs often enough to be in the model
    suffix: np.ndarray  # int64 [num_ngrams]: the row of its last n - 1 words in the order below; for n = 2 the word


class _WordIds(dict[str, int]):
    """Gives each new word the next id. Special words are refused."""

    def __missing__(self, word: str) -> int:
        if word in SPECIAL_WORDS:
            raise LanguageModelError(f"the word {word!r} has a special meaning in the model; take it out of the text")
        if word.split() != [word] or not _WHITE_SPACE.isdisjoint(word):  # which no text can contain
            raise LanguageModelError(f"{word!r} is no word; expected one or more characters, none of them white space")
        self[word] = new = len(self) + len(SPECIAL_WORDS)
        return new


def encode_text(sentences: Iterable[Sequence[str]], path: Path, *, chunk_size: int) -> EncodedText:
    """Write the sentences to `path` as word ids, about `chunk_size` at a time.

    Raises:
        LanguageModelError: there are no words, or one has white space or is a special word (names the line).
        OutputError: the disk is full.
    """
    word_ids = _WordIds()
    counts = np.zeros(len(SPECIAL_WORDS), dtype=np.int64)
    for chunk in _encode(sentences, word_ids, chunk_size):
        append_array(path, chunk)
        counts_of_chunk = np.bincount(chunk, minlength=len(word_ids) + len(SPECIAL_WORDS))
        counts_of_chunk[: len(counts)] += counts
        counts = counts_of_chunk
    if not word_ids:
        raise LanguageModelError("the text has no words; expected one sentence a line")
    return EncodedText(path, [*SPECIAL_WORDS, *word_ids], counts)


def _encode(sentences: Iterable[Sequence[str]], word_ids: _WordIds, chunk_size: int) -> Iterator[np.ndarray]:
    chunk: list[int] = []
    for number, sentence in enumerate(sentences, start=1):
        chunk.append(START_ID)
        try:
            chunk.extend(map(word_ids.__getitem__, sentence))
        except LanguageModelError as error:
            raise LanguageModelError(f"line {number} of the text: {error}") from None
        chunk.append(END_ID)
        if len(chunk) >= chunk_size:
            yield np.array(chunk, dtype=np.int32)
            chunk = []
    if chunk:
        yield np.array(chunk, dtype=np.int32)


def part_of_words(counts: np.ndarray, part_size: int) -> np.ndarray:
    """For each word the part, uint16, of the n-grams that have it as their last word but one.

    Parts are ranges of words. One holds the n-grams of at most `part_size` words of the text, or those of a single
    word.
    """
    part_size = max(part_size, int(counts.sum()) // 1000)  # more files would only be slower
    return np.unique((np.cumsum(counts) - counts) // part_size, return_inverse=True)[1].astype(np.uint16)


def count_windows(text: EncodedText, windows: RecordFiles, *, chunk_size: int) -> None:
    """Count the windows that end at each word, with their words in the order of `NGramCounts`; each once, in order.

    Where a sentence has too few words before, the window is filled up with starts.
    """
    order = windows.length
    before = np.full(order - 1, START_ID, dtype=np.int32)
    with text.path.open("rb") as file:
        while len(chunk := np.fromfile(file, dtype=np.int32, count=chunk_size)):
            ids = np.concatenate([before, chunk])
            keys = pack(_windows(ids, order), windows.layout.bits)
            windows.append(sum_equal(Records(keys, np.ones((len(keys), 1)))))
            before = ids[len(ids) - order + 1 :]
    for part in windows.parts:
        windows.append(sum_equal(windows.take(part)))


def _windows(ids: np.ndarray, order: int) -> np.ndarray:
    ends = np.flatnonzero(ids[order - 1 :] != START_ID) + order - 1
    backwards = [ids[ends]]
    for distance in range(1, order):
        later = backwards[-1]
        backwards.append(np.where(later == START_ID, later, ids[ends - distance]))
    last, last_but_one, *earlier = backwards
    return np.array([last_but_one, last, *earlier]).T


def text_order(length: int) -> list[int]:
    """The columns of `NGramCounts.words`, in the order of the text."""
    return [*range(length - 1, 1, -1), 0, 1]


def count_ngrams(words: np.ndarray, counts: np.ndarray, min_counts: Sequence[int]) -> list[NGramCounts]:
    """The n-grams of order 2, 3, ... in a part, from its windows, int32 [num_windows, order] in ascending order.

    n-grams that begin a sentence, and those of the highest order, keep their counts; the adjusted count of the others
    is how many different words come before them. n-grams of order n are kept if they occur `min_counts[n - 1]` times or
    more.
    """
    ngrams: list[NGramCounts] = []
    is_new = np.zeros(len(words), dtype=np.bool_)
    is_new[:1] = True
    is_new[1:] = words[1:, 0] != words[:-1, 0]
    suffix = words[:, 1].astype(np.int64)
    for n, min_count in enumerate(min_counts[1:], start=2):
        is_new[1:] |= words[1:, n - 1] != words[:-1, n - 1]
        row = np.cumsum(is_new) - 1
        num_seen = np.bincount(row, weights=counts).astype(np.int64)
        ngrams.append(NGramCounts(words[is_new, :n], num_seen, num_seen >= min_count, suffix[is_new]))
        goes_on = words[:, text_order(n)[0]] != START_ID
        words, counts, is_new, suffix = words[goes_on], counts[goes_on], is_new[goes_on], row[goes_on]
    adjusted = [_adjust(ngrams_of_order, longer) for ngrams_of_order, longer in pairwise(ngrams)]
    return [*adjusted, ngrams[-1]]


def _adjust(ngrams: NGramCounts, longer: NGramCounts) -> NGramCounts:
    num_words_before = np.bincount(longer.suffix, minlength=len(ngrams.words))
    begins_sentence = ngrams.words[:, text_order(ngrams.words.shape[1])[0]] == START_ID
    return ngrams._replace(adjusted=np.where(begins_sentence, ngrams.adjusted, num_words_before))
