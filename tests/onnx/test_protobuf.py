"""The writer of ONNX's messages, against Google's reader of the same wire format."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from asr.onnx.protobuf import message

_FIELD = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "whole": (1, _FIELD.TYPE_INT64, False),
    "real": (2, _FIELD.TYPE_FLOAT, False),
    "text": (3, _FIELD.TYPE_STRING, False),
    "raw": (16, _FIELD.TYPE_BYTES, False),  # the first number whose tag takes two bytes
    "wholes": (5, _FIELD.TYPE_INT64, True),
    "texts": (6, _FIELD.TYPE_STRING, True),
}


@pytest.fixture(scope="module")
def parsed_by_google() -> type:
    """A message class with a field of each kind."""
    file = descriptor_pb2.FileDescriptorProto(name="sample.proto", syntax="proto2")
    sample = file.message_type.add(name="Sample")
    for name, (number, kind, repeated) in _KINDS.items():
        label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
        sample.field.add(name=name, number=number, type=kind, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found: type = message_factory.GetMessageClass(pool.FindMessageTypeByName("Sample"))
    return found


@pytest.mark.parametrize("whole", [0, 1, 127, 128, 300, 2**31, 2**63 - 1, -1, -(2**63)])
def test_what_is_written_is_read(parsed_by_google: type, whole: int) -> None:
    values: dict[str, Any] = {
        "whole": whole,
        "real": 0.5,
        "text": "Ł 你",
        "raw": bytes(range(256)),
        "wholes": [5, -6, 0],
        "texts": ["", "b"],
    }
    written = message({_KINDS[name][0]: value for name, value in values.items()})
    found = parsed_by_google.FromString(written)  # type: ignore[attr-defined]
    for name, value in values.items():
        assert (list(getattr(found, name)) if isinstance(value, list) else getattr(found, name)) == value


def test_an_empty_sequence_writes_nothing() -> None:
    assert message({4: []}) == b""
