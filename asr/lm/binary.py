"""The binary file of an n-gram model: its arrays one after the other, mapped into memory as they are.

Little-endian. A header: 8 bytes of magic, then version and CRC-32 of all that follows them (uint32), then the order and
the numbers of states, of arcs and of bytes of the vocabulary (uint64). Then the arrays of `_layout`, each at a multiple
of 64 bytes. Everything is checked on loading, so that no file can make a search read outside the arrays.
"""

import mmap
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from asr.errors import LanguageModelError, system_reason
from asr.files import atomic_path
from asr.lm.tables import LMTables
from asr.lm.vocabulary import Vocabulary

VERSION = 1
_MAGIC = b"ASR-LM\r\n"  # the line end reveals a file that was transferred as text
_PREFIX = struct.Struct("<8sII")  # magic, version, CRC-32
_COUNTS = struct.Struct("<QQQQ")  # order, states, arcs, bytes of the vocabulary
_ALIGNMENT = 64


def write_binary(path: Path, vocabulary: Vocabulary, tables: LMTables, num_states: np.ndarray) -> None:
    """Write the parts of a model. Raises OutputError if the file cannot be written."""
    arrays = (num_states, *tables, vocabulary.table.text)
    counts = (len(num_states), len(tables.backoff), len(tables.arc_word), len(vocabulary.table.text))
    pieces: list[bytes | memoryview] = [_COUNTS.pack(*counts)]
    end = _PREFIX.size + _COUNTS.size
    for array, (offset, length, kind) in zip(arrays, _layout(*counts), strict=True):
        pieces += [bytes(offset - end), np.ascontiguousarray(array, dtype=kind).data.cast("B")]
        end = offset + length * np.dtype(kind).itemsize
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_PREFIX.pack(_MAGIC, VERSION, checksum))
        file.writelines(pieces)


def read_binary(path: Path) -> tuple[Vocabulary, LMTables, np.ndarray]:
    """The parts given to `write_binary`; the arrays are views of the mapped file.

    Raises:
        LanguageModelError: the file is missing, of another kind or version, truncated or altered.
    """
    try:
        with path.open("rb") as file:
            if not file.seek(0, 2):
                raise LanguageModelError(f"{path}: the file is empty; expected a language model")
            # Changes stay in memory. numba would compile every search again for read-only arrays.
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except FileNotFoundError:
        raise LanguageModelError(f"{path}: no such file") from None
    except OSError as error:
        raise LanguageModelError(f"{path}: cannot be read ({system_reason(error)})") from None
    except ValueError as error:
        raise LanguageModelError(f"{path}: cannot be read ({error})") from None
    try:
        num_states, *arrays, text = _map_arrays(data)
        tables = LMTables(*arrays)
        vocabulary = Vocabulary(text)
        _check_graph(tables, num_states, len(vocabulary))
    except LanguageModelError as error:
        raise LanguageModelError(f"{path}: {error}") from None
    return vocabulary, tables, num_states


def _map_arrays(data: mmap.mmap) -> list[np.ndarray]:
    if len(data) < _PREFIX.size + _COUNTS.size or not data[: len(_MAGIC)] == _MAGIC:
        raise LanguageModelError("not a binary language model of asr; make one with asr lm convert")
    _, version, checksum = _PREFIX.unpack_from(data)
    if version != VERSION:
        raise LanguageModelError(f"found version {version}, expected {VERSION}; make it again with asr lm convert")
    counts = _COUNTS.unpack_from(data, _PREFIX.size)
    layout = list(_layout(*counts))
    size = max(offset + length * np.dtype(kind).itemsize for offset, length, kind in layout)
    if size != len(data):
        raise LanguageModelError(f"found {len(data)} bytes, expected {size}; the file is damaged or cut short")
    with memoryview(data) as view:
        if zlib.crc32(view[_PREFIX.size :]) != checksum:
            raise LanguageModelError("its checksum is wrong: the file is damaged; copy it or make it again")
    arrays = [np.frombuffer(data, kind, length, offset) for offset, length, kind in layout]
    return [array.astype(array.dtype.newbyteorder("="), copy=False) for array in arrays]


def _layout(order: int, num_states: int, num_arcs: int, text_size: int) -> Iterator[tuple[int, int, str]]:
    """Offset in bytes, length and type of each array in the file: `num_states`, those of `LMTables`, the vocabulary."""
    end = _PREFIX.size + _COUNTS.size
    for length, kind in (
        (order, "<i8"),
        (num_states + 1, "<i8"),
        (num_states, "<f4"),
        (num_states, "<i4"),
        (num_arcs, "<i4"),
        (num_arcs, "<f4"),
        (num_arcs, "<i4"),
        (text_size, "u1"),
    ):
        offset = -(-end // _ALIGNMENT) * _ALIGNMENT
        yield offset, length, kind
        end = offset + length * np.dtype(kind).itemsize


def _check_graph(tables: LMTables, num_states: np.ndarray, num_words: int) -> None:
    """Raises LanguageModelError unless every walk through the graph stays in it and every back-off ends.

    This goes beyond the checksum: it also holds for a file made with bad intent.
    """
    starts, total, num_arcs = tables.arc_start, len(tables.backoff), len(tables.arc_word)
    if (
        not len(num_states)
        or num_states[0] != 1
        or num_states.min() < 0
        or num_states.max() > total
        or num_states.sum() != total
    ):
        raise LanguageModelError("its numbers of states make no sense; the file is damaged")
    if num_states[0] != 1 or starts[0] != 0 or starts[-1] != num_arcs or (starts[1:] < starts[:-1]).any():
        raise LanguageModelError("its arcs are not in order; the file is damaged")
    if starts[1] != num_words or (tables.arc_word[:num_words] != np.arange(num_words)).any():
        raise LanguageModelError("its unigrams are not those of its vocabulary; the file is damaged")
    rises = np.diff(tables.arc_word, append=num_words) > 0
    rises[starts[1:] - 1] = True  # the last arc of a state; of a state without any, the last one before it
    if not rises.all() or tables.arc_word.min() < 0 or tables.arc_word.max() >= num_words:
        raise LanguageModelError("the words of its arcs are not in order; the file is damaged")
    if not (np.isfinite(tables.arc_log_prob).all() and tables.arc_log_prob.max() <= 0):
        raise LanguageModelError("a log-probability is not a finite number of 0 or less; the file is damaged")
    if not np.isfinite(tables.backoff).all() or tables.backoff[0] != 0 or tables.backoff_state[0] != 0:
        raise LanguageModelError("its back-off weights make no sense; the file is damaged")
    _check_links(tables, num_states)


def _check_links(tables: LMTables, num_states: np.ndarray) -> None:
    """Raises LanguageModelError unless back-off shortens the context, and each state has one arc from its context."""
    first_state = np.concatenate([[0], np.cumsum(num_states), [len(tables.backoff)]])
    for begin, end, next_end in zip(first_state, first_state[1:], first_state[2:], strict=False):
        shorter = tables.backoff_state[max(1, begin) : end]
        following = tables.arc_next[tables.arc_start[begin] : tables.arc_start[end]]
        if (shorter < 0).any() or (shorter >= begin).any() or (following < 0).any():
            raise LanguageModelError("its back-off states make no sense; the file is damaged")
        if not np.array_equal(following[following >= end], np.arange(end, next_end)):
            raise LanguageModelError("its states make no sense; the file is damaged")
