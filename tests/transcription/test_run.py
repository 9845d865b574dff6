"""Whole runs: what is printed of several recordings in one format."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.transcription.inputs import find_recordings
from asr.transcription.run import Tally, as_lines
from tests.support.toy_engine import say, silence, toy_recognizer

RATE = 16_000


@pytest.mark.parametrize(("format", "start"), [("ctm", 2), ("stm", 3)])
def test_nist_forms_of_three_files_with_two_channels_are_sorted(tmp_path: Path, format: str, start: int) -> None:
    """By the columns as they are written: a space, %20 there, comes before ! in the name and after it in the column."""
    left = np.concatenate([say("YES NO"), silence(1), say("END"), silence(1)])
    right = np.concatenate([silence(1), say("HELLO"), silence(3)])[: len(left)]
    for name in ("b", "a c", "a!b"):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([left, right], axis=1), RATE)
    found = find_recordings([str(tmp_path / f"{name}.wav") for name in ("b", "a c", "a!b")])
    lines = as_lines(toy_recognizer(), found.recordings, format, Tally(), channels="each", with_names=None)
    rows = [line.split() for line in "".join(lines).splitlines()]
    assert list(dict.fromkeys((row[0], row[1]) for row in rows)) == [
        (name, channel) for name in ("a!b", "a%20c", "b") for channel in ("1", "2")
    ]
    keys = [(row[0], row[1], float(row[start])) for row in rows]
    assert keys == sorted(keys)
    if format == "ctm":
        assert all(float(row[2]) + float(row[3]) < len(left) / RATE for row in rows)  # a duration, not an end
        assert [row[4] for row in rows] == ["YES", "NO", "END", "HELLO"] * 3
