"""Records of n-grams (packed words and numbers) in memory and, in parts that fit into memory, on disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from asr.errors import OutputError, system_reason


class Records(NamedTuple):
    keys: np.ndarray  # uint64 [num_records, num_columns], as `pack` makes them
    values: np.ndarray  # float64 [num_records, num_values]: counts or log-probabilities


def num_bits(num_words: int) -> int:
    """The bits that an id below `num_words` needs."""
    return max(1, (num_words - 1).bit_length())


def pack(words: np.ndarray, bits: int) -> np.ndarray:
    """Rows of word ids, int32 [num_rows, n], as uint64 columns that sort as the rows do."""
    words_per_column = 64 // bits
    columns = []
    for begin in range(0, words.shape[1], words_per_column):
        column = np.zeros(len(words), dtype=np.uint64)
        for word in words.T[begin : begin + words_per_column]:
            column <<= np.uint64(bits)
            column |= word.astype(np.uint64)
        columns.append(column)
    return np.array(columns).T


def unpack(keys: np.ndarray, num_words: int, bits: int) -> np.ndarray:
    """The inverse of `pack`: rows of `num_words` word ids."""
    words_per_column = 64 // bits
    words = np.empty((num_words, len(keys)), dtype=np.int32)
    for begin, key in zip(range(0, num_words, words_per_column), keys.T, strict=True):
        column = words[begin : begin + words_per_column]
        for place, word in enumerate(reversed(column)):
            word[:] = (key >> np.uint64(place * bits)) & np.uint64((1 << bits) - 1)
    return words.T


def sum_equal(records: Records) -> Records:
    """Each key once, in ascending order, with the sum of its values."""
    order = _sorting(records.keys)
    keys = records.keys[order]
    starts = np.flatnonzero(_is_new(keys))
    sums = [np.add.reduceat(column[order], starts) if len(starts) else column for column in records.values.T]
    return Records(keys[starts], np.array(sums).T)


def group_equal(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each key once, in ascending order, and for each row of `keys` the number of its key there."""
    order = _sorting(keys)
    ordered = keys[order]
    is_new = _is_new(ordered)
    group = np.empty(len(keys), dtype=np.int64)
    group[order] = np.cumsum(is_new) - 1
    return ordered[is_new], group


def _sorting(keys: np.ndarray) -> np.ndarray:
    return np.argsort(keys[:, 0]) if keys.shape[1] == 1 else np.lexsort(keys.T[::-1])


def _is_new(keys: np.ndarray) -> np.ndarray:
    """For each of sorted keys, whether it differs from the one before."""
    is_new = np.ones(len(keys), dtype=np.bool_)
    is_new[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    return is_new


class Layout(NamedTuple):
    """How records are laid out on disk."""

    folder: Path
    bits: int  # of a word in a key
    part_of: np.ndarray  # uint16 [num_words], ascending: the part that n-grams with this first word are in


class RecordFiles:
    """Records of n-grams of one length on disk, a file for each part."""

    def __init__(self, layout: Layout, name: str, *, length: int, num_values: int) -> None:
        self.layout = layout
        self.length = length
        self._num_values = num_values
        self._paths = [layout.folder / f"{name}-{part}" for part in range(int(layout.part_of[-1]) + 1)]

    @property
    def parts(self) -> range:
        """The numbers of the parts."""
        return range(len(self._paths))

    def append(self, records: Records) -> None:
        """Raises OutputError if the disk is full."""
        words_in_first_column = min(self.length, 64 // self.layout.bits)
        first_word = records.keys[:, 0] >> np.uint64(self.layout.bits * (words_in_first_column - 1))
        part = self.layout.part_of[first_word]
        order = np.argsort(part, kind="stable")  # of 16 bits: a radix sort
        rows = np.column_stack([records.keys, records.values.view(np.uint64)])[order]
        ends = np.cumsum(np.bincount(part, minlength=len(self._paths)))
        for path, rows_of_part in zip(self._paths, np.split(rows, ends[:-1]), strict=True):
            if len(rows_of_part):
                append_array(path, rows_of_part)

    def read(self, part: int) -> Records:
        """The records of one part."""
        path = self._paths[part]
        rows = np.fromfile(path, dtype=np.uint64) if path.exists() else np.zeros(0, dtype=np.uint64)
        num_columns = -(-self.length // (64 // self.layout.bits))
        rows = rows.reshape(-1, num_columns + self._num_values)
        return Records(rows[:, :num_columns], rows[:, num_columns:].view(np.float64))

    def take(self, part: int) -> Records:
        """The records of one part, which are removed from disk."""
        records = self.read(part)
        self._paths[part].unlink(missing_ok=True)
        return records


@contextmanager
def temporary_folder(parent: Path | None) -> Iterator[Path]:
    """A temporary folder, removed at the end in any case; in `parent`, else in the system's folder for such files.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder = TemporaryDirectory(prefix="asr-lm-", dir=parent)
    except OSError as error:
        raise OutputError(f"{parent or 'the folder of temporary files'}: {system_reason(error)}") from None
    with folder as name:
        yield Path(name)


def append_array(path: Path, array: np.ndarray) -> None:
    """Raises OutputError if the disk is full."""
    try:
        with path.open("ab") as file:
            file.write(np.ascontiguousarray(array).data)
    except OSError as error:
        problem = f"temporary files could not be written ({system_reason(error)})"
        raise OutputError(f"{path.parent}: {problem}; use a temporary folder on a disk with more room") from None
