"""The arithmetic of the doctor's checks, beside that of others."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sick_corpus import EXPECTED, RATE

from asr.align import num_frames_needed
from asr.corpus.checks.expectations import Expectations
from asr.corpus.checks.survey import first_lines
from asr.corpus.checks.texts import cleaned, rare_characters, speaking_rate_outliers
from asr.model import AcousticModel, ModelSettings


def test_frames_are_those_of_the_model():
    settings = ModelSettings(subsampling=3, conv_channels=2, num_layers=1, hidden_size=4)
    model = AcousticModel(settings, vocab_size=5, sample_rate=RATE)
    durations = np.array([0.0, 0.01, 0.7, 1.0, 1.234, 30.0])
    samples = torch.tensor([int(duration / 1.1 * RATE) for duration in durations])
    expected = Expectations(settings, fastest=1.1, tokens=None, characters=True)
    assert expected.num_frames(durations).tolist() == model.num_output_frames(samples).tolist()


@given(st.text("AB ", max_size=12))
def test_frames_needed_are_those_of_the_alignment(text):
    assert EXPECTED.frames_needed(text) == num_frames_needed([ord(character) for character in text])


@given(st.lists(st.integers(0, 4)))
def test_first_lines_are_those_of_a_dictionary(keys):
    seen: dict[int, int] = {}
    expected = [0 if key == 0 or seen.setdefault(key, line) == line else seen[key] for line, key in enumerate(keys, 7)]
    lines = np.arange(7, 7 + len(keys))
    assert first_lines(np.array(keys, dtype=np.uint64), lines).tolist() == expected


@given(st.text(max_size=10))
def test_cleaning_twice_is_cleaning_once(text):
    assert cleaned(cleaned(text)) == cleaned(text)


def test_rare_characters():
    counts = Counter({"A": 500, "Q": 1, "ß": 1, "É": 1, "Ж": 3, "'": 40, ".": 1, "0": 9, "7": 1, " ": 900})
    assert list(rare_characters(counts, 1000)) == [".", "7", "ß", "Ж", "0"]
    assert list(rare_characters(Counter({"A": 10**6, "Q": 9, "Z": 11}), 100_000)) == ["Q"]
    assert rare_characters(Counter(), 0) == {}


def test_speaking_rates():
    lengths = np.array([10, 12, 9, 11, 10, 100, 1, 0, 10], dtype=np.int32)
    durations = np.array([1.0, 1, 1, 1, 1, 1, 1, 1, 0])
    outliers, median = speaking_rate_outliers(lengths, durations)
    assert np.flatnonzero(outliers).tolist() == [5, 6]
    assert median == pytest.approx(10)
