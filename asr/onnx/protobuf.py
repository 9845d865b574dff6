"""The part of Protocol Buffers that ONNX files need: messages written as bytes.

A message is a sequence of fields, each a number, a kind and a value. The numbers are those of `onnx.proto`, which never
change (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; https://protobuf.dev/programming-guides/encoding).
"""

import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = int | float | str | bytes | Sequence[int | str | bytes]
_VARINT, _LENGTH, _FIXED32 = 0, 2, 5  # kinds of fields


def message(fields: Mapping[int, Value]) -> bytes:
    """The message with these values by number of field; a sequence repeats its field, False and 0 are written too."""
    parts = []
    for number, value in fields.items():
        values = (value,) if isinstance(value, int | float | str | bytes) else value
        parts += [_field(number, each) for each in values]
    return b"".join(parts)


def _field(number: int, value: int | float | str | bytes) -> bytes:
    match value:
        case int():
            return _varint(number << 3 | _VARINT) + _varint(value)
        case float():
            return _varint(number << 3 | _FIXED32) + struct.pack("<f", value)
        case str():
            return _field(number, value.encode())
        case bytes():
            return _varint(number << 3 | _LENGTH) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; negative numbers as 64 bits in two's complement."""
    value &= 2**64 - 1
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])
