"""Estimate an n-gram model from text of any size: interpolated modified Kneser-Ney smoothing, as KenLM's lmplz does.

The counting is done on disk, part by part; only the words and the finished model have to fit into memory.

When lmplz finds discounts, it uses for the last n-gram of each lower order the plain count instead of the adjusted one;
here all are treated alike. On tiny texts the difference can show.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr.errors import LanguageModelError
from asr.lm.counts import EncodedText, NGramCounts, count_ngrams, count_windows, encode_text, part_of_words
from asr.lm.kneser_ney import Discounts, find_discounts, log_records, smooth_part, smooth_unigrams
from asr.lm.records import Layout, RecordFiles, num_bits, sum_equal, temporary_folder, unpack
from asr.lm.tables import NGramTable
from asr.lm.vocabulary import START_ID

_NGRAM_BYTES, _WORD_BYTES = 150, 40  # of working memory per n-gram, and per word in it


@dataclass(frozen=True, slots=True)
class EstimatedModel:
    words: list[str]  # word i has id i: the unknown word, start and end of a sentence, others as they first occur
    ngrams: list[NGramTable]  # one table an order; the context and the suffix of each n-gram are n-grams, too
    discounts: list[Discounts]  # one an order


class _Totals(NamedTuple):
    """Totals over all parts, which the smoothing of each one needs."""

    unigrams: np.ndarray  # int64 [num_words]: their adjusted counts
    counts_of_counts: np.ndarray  # int64 [order, 6]: how many n-grams have the adjusted count 0, 1, 2, 3, 4, more
    num_kept: list[int]  # n-grams of each order that will be in the model


def estimate_ngrams(
    sentences: Iterable[Sequence[str]],
    *,
    order: int,
    min_counts: Sequence[int] = (),
    memory_mb: int = 1000,
    folder: Path | None = None,
) -> EstimatedModel:
    """Estimate a model of n-grams of up to `order` words from sentences, each a sequence of words.

    n-grams of n words that occur less than `min_counts[n - 1]` times are left out; the last number also applies to
    longer ones. `memory_mb` is for counting and smoothing, beside the words and the model itself; all n-grams with the
    same last word but one have to fit in. Temporary files go to `folder`, else to the system's folder for them; they
    take about 50 bytes per word of the text with `order` 3.

    Raises:
        LanguageModelError: there are no words, a word has white space or is `<unk>`, `<s>` or `</s>`, or a number is
            out of range.
        OutputError: the disk is full.
    """
    min_counts = _check_numbers(order, min_counts, memory_mb)
    size = max(1, memory_mb * 2**20 // (_NGRAM_BYTES + order * _WORD_BYTES))  # n-grams at once
    with temporary_folder(folder) as temporary:
        text = encode_text(sentences, temporary / "text", chunk_size=size)
        layout = Layout(temporary, num_bits(len(text.words)), part_of_words(text.counts, size))
        windows = RecordFiles(layout, "windows", length=order, num_values=1)
        if order > 1:
            count_windows(text, windows, chunk_size=size)
        totals = _add_up(windows, text, min_counts)
        discounts = [find_discounts(counts) for counts in totals.counts_of_counts.tolist()]
        files = _smooth(windows, totals.unigrams, discounts, min_counts)
        ngrams = [_read_table(files[n], totals.num_kept[n]) for n in range(order)]
    return EstimatedModel(text.words, ngrams, discounts)


def _check_numbers(order: int, min_counts: Sequence[int], memory_mb: int) -> list[int]:
    """The least counts of all orders."""
    if order < 1:
        raise LanguageModelError(f"the order is {order}; expected 1 or more, the words of the longest n-grams")
    if memory_mb < 1:
        raise LanguageModelError(f"memory_mb is {memory_mb}; expected 1 or more")
    least = list(min_counts) or [1]
    found = f"the least counts are {', '.join(map(str, least))}"
    if len(least) > order:
        raise LanguageModelError(f"{found}; expected at most {order}, one for each order")
    if least[0] > 1:
        raise LanguageModelError(f"{found}; expected 1 first, since all words are kept")
    if min(least) < 1 or least != sorted(least):
        raise LanguageModelError(f"{found}; expected 1 or more, none smaller than the one before")
    return least + least[-1:] * (order - len(least))


def _parts(windows: RecordFiles, min_counts: Sequence[int]) -> Iterator[list[NGramCounts]]:
    """The n-grams of order 2, 3, ... in each part; nothing for order 1."""
    for part in windows.parts:
        records = windows.read(part)
        if len(records.keys):
            words = unpack(records.keys, windows.length, windows.layout.bits)
            yield count_ngrams(words, records.values[:, 0], min_counts)


def _add_up(windows: RecordFiles, text: EncodedText, min_counts: Sequence[int]) -> _Totals:
    order, num_words = len(min_counts), len(text.words)
    unigrams = text.counts if order == 1 else np.zeros(num_words, dtype=np.int64)
    counts_of_counts = np.zeros((order, 6), dtype=np.int64)
    num_kept = [num_words] + [0] * (order - 1)
    for ngrams in _parts(windows, min_counts):
        unigrams += np.bincount(ngrams[0].suffix, minlength=num_words)
        for place, counts in enumerate(ngrams, start=1):
            counts_of_counts[place] += _count_counts(counts.adjusted)
            num_kept[place] += int(counts.is_kept.sum())
    unigrams[START_ID] = 0  # it is never predicted
    counts_of_counts[0] = _count_counts(unigrams)
    return _Totals(unigrams, counts_of_counts, num_kept)


def _count_counts(adjusted: np.ndarray) -> np.ndarray:
    return np.bincount(np.minimum(adjusted, 5), minlength=6)


def _smooth(
    windows: RecordFiles, unigrams: np.ndarray, discounts: Sequence[Discounts], min_counts: Sequence[int]
) -> list[RecordFiles]:
    """Log-probabilities and back-off weights of each order, as records to be added up."""
    probs = smooth_unigrams(unigrams, discounts[0])
    files = [RecordFiles(windows.layout, f"{n}-grams", length=n, num_values=2) for n in range(1, len(min_counts) + 1)]
    files[0].append(log_records(np.arange(len(probs), dtype=np.uint64)[:, None], probs))
    for ngrams in _parts(windows, min_counts):
        for length, records in smooth_part(ngrams, discounts, probs, windows.layout.bits):
            files[length - 1].append(records)
    return files


def _read_table(files: RecordFiles, num_ngrams: int) -> NGramTable:
    words = np.empty((num_ngrams, files.length), dtype=np.int32)
    values = np.empty((2, num_ngrams), dtype=np.float32)
    begin = 0
    for part in files.parts:
        records = sum_equal(files.take(part))
        end = begin + len(records.keys)
        words[begin:end] = unpack(records.keys, files.length, files.layout.bits)
        values[:, begin:end] = records.values.T
        begin = end
    return NGramTable(words, *values)
