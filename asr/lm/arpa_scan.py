"""The kernels that read the lines of an ARPA file, byte by byte, for `asr/lm/arpa.py`."""

import math

import numpy as np

from asr.compiled import kernel, part
from asr.lm.vocabulary import WordTable, find_slot

FINE, NO_NUMBER, UNKNOWN_WORD, TOO_FEW_FIELDS, TOO_MANY_FIELDS = range(5)
_LOG_10 = math.log(10)
_LINE_FEED = 10
_MAX_MANTISSA = 10**17  # more digits than a double holds


@kernel
def scan_ngrams(
    data: np.ndarray, begin: int, table: WordTable, words: np.ndarray, values: np.ndarray
) -> tuple[int, int, int]:
    """Read `data` from `begin`: lines of a log10-probability, words and perhaps a back-off weight, or blank ones.

    Fills in `words`, int32 [lines, order], and `values`, float32 [lines, 2]: natural-log probability and weight.
    Returns the number of n-grams, the position at which reading stopped, and why: `FINE` at the end of the lines.
    """
    row, end = 0, len(data)
    position, field_end = _next_field(data, begin, end)
    while position < end:
        if data[position] == _LINE_FEED:
            position, field_end = _next_field(data, position + 1, end)
            continue
        value = _read_number(data, position, field_end)
        if math.isnan(value):
            return row, position, NO_NUMBER
        values[row, 0] = value * _LOG_10
        for column in range(words.shape[1]):
            position, field_end = _next_field(data, field_end, end)
            if position >= end or data[position] == _LINE_FEED:
                return row, position, TOO_FEW_FIELDS
            word = table.slots[find_slot(table, data, position, field_end)]
            if word < 0:
                return row, position, UNKNOWN_WORD
            words[row, column] = word
        position, field_end = _next_field(data, field_end, end)
        values[row, 1] = 0
        if position < end and data[position] != _LINE_FEED:
            value = _read_number(data, position, field_end)
            if math.isnan(value):
                return row, position, NO_NUMBER
            values[row, 1] = value * _LOG_10
            position, field_end = _next_field(data, field_end, end)
            if position < end and data[position] != _LINE_FEED:
                return row, position, TOO_MANY_FIELDS
        row += 1
    return row, position, FINE


@part
def _next_field(data: np.ndarray, position: int, end: int) -> tuple[int, int]:
    """Begin and end of the next field, or of nothing at a line feed or at `end`."""
    while position < end and data[position] != _LINE_FEED and _is_space(data[position]):
        position += 1
    field_end = position
    while field_end < end and not _is_space(data[field_end]):
        field_end += 1
    return position, field_end


@part
def _is_space(character: int) -> bool:
    return character == 32 or 9 <= character <= 13


@part
def _read_number(data: np.ndarray, begin: int, end: int) -> float:
    """A decimal number, with exponent or without; NaN if the field is anything else."""
    mantissa, exponent, num_digits, has_point = 0, 0, 0, False
    position = begin + (data[begin] == 43 or data[begin] == 45)  # a sign
    while position < end:
        digit = int(data[position]) - 48
        if digit == -2 and not has_point:  # a point
            has_point = True
        elif 0 <= digit <= 9:
            num_digits += 1
            if mantissa < _MAX_MANTISSA:
                mantissa = 10 * mantissa + digit
                exponent -= has_point
            else:
                exponent += not has_point
        else:
            break
        position += 1
    if num_digits == 0:
        return math.nan
    if position < end:
        written = _read_exponent(data, position, end)
        if written == _NO_EXPONENT:
            return math.nan
        exponent += written
    value = mantissa / 10.0**-exponent if exponent < 0 else mantissa * 10.0**exponent
    return -value if data[begin] == 45 else value


_NO_EXPONENT = 10_000
_MAX_EXPONENT = 1_000  # far beyond what a double holds


@part
def _read_exponent(data: np.ndarray, begin: int, end: int) -> int:
    """The number in e-05 or E12; `_NO_EXPONENT` if it is anything else."""
    if data[begin] | 32 != 101 or begin + 1 == end:
        return _NO_EXPONENT
    negative = data[begin + 1] == 45
    first = begin + 1 + (negative or data[begin + 1] == 43)
    if first == end:
        return _NO_EXPONENT
    exponent = 0
    for position in range(first, end):
        digit = int(data[position]) - 48
        if not 0 <= digit <= 9:
            return _NO_EXPONENT
        exponent = min(_MAX_EXPONENT, 10 * exponent + digit)
    return -exponent if negative else exponent
