"""The arithmetic of the doctor's checks, beside that of others."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asr.corpus.doctor.characters import group, rare_characters
from asr.corpus.doctor.check_pace import judge_pace
from asr.corpus.doctor.check_text import Case, _flaws, case_of, cleaned, looks_fine, usual_case
from asr.corpus.doctor.fingerprint import alike, first_alike
from asr.corpus.doctor.index import first_lines, index_manifest
from asr.corpus.doctor.requirements import Requirements
from asr.ctc import num_frames_needed
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from tests.support.sick_corpus import EXPECTED, RATE


def test_frames_are_those_of_the_model() -> None:
    settings = ModelSettings(subsampling=3, conv_channels=2, num_layers=1, hidden_size=4)
    model = AcousticModel(settings, vocab_size=5, sample_rate=RATE)
    durations = np.array([0.0, 0.01, 0.7, 1.0, 1.234, 30.0])
    samples = torch.tensor([int(duration / 1.1 * RATE) for duration in durations])
    expected = Requirements(settings, fastest=1.1, tokens=None, characters=True)
    assert expected.num_frames(durations).tolist() == model.num_output_frames(samples).tolist()


@given(st.text("AB ", max_size=12))
def test_frames_needed_are_those_of_the_alignment(text: str) -> None:
    assert EXPECTED.frames_needed(text) == num_frames_needed([ord(character) for character in text])


@given(st.lists(st.integers(0, 4)))
def test_first_lines_are_those_of_a_dictionary(keys: list[int]) -> None:
    seen: dict[int, int] = {}
    expected = [0 if key == 0 or seen.setdefault(key, line) == line else seen[key] for line, key in enumerate(keys, 7)]
    lines = np.arange(7, 7 + len(keys))
    assert first_lines(np.array(keys, dtype=np.uint64), lines).tolist() == expected


@given(st.text(max_size=10))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)


def test_rare_characters_are_counted_by_texts() -> None:
    characters = Counter({"A": 500, "Q": 1, "ß": 1, "É": 1, "Ж": 3, "'": 40, ".": 1, "0": 9, "7": 1, " ": 900})
    groups = Counter({"Lu LATIN": 502, "Ll LATIN": 1, "Lu CYRILLIC": 3, "'": 40, ".": 1, "digits": 9, " ": 900})
    assert list(rare_characters(characters, groups, 1000)) == [".", "7", "ß", "Ж", "0"]
    millions = Counter({"A": 10**5, "Q": 9, "Z": 11}), Counter({"Lu LATIN": 10**5})
    assert list(rare_characters(*millions, 100_000)) == ["Q"]
    assert rare_characters(Counter(), Counter(), 0) == {}


def test_a_text_counts_once_for_its_group_however_many_letters_it_has(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    texts = ["A B"] * 98 + ["small letters 0123456789", "A B"]
    path.write_text(
        "".join(f'{{"audio_filepath": "{i}", "duration": 1, "text": "{t}"}}\n' for i, t in enumerate(texts))
    )
    known = index_manifest(path, EXPECTED, lambda *_: None)
    assert (known.groups["Ll LATIN"], known.groups["digits"], known.characters["A"], known.characters["l"]) == (
        1,
        1,
        99,
        1,
    )


def corpus_of(count: int, *, spread: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    lengths = random.integers(20, 200, size=count).astype(np.int32)
    return lengths, (lengths + 5) / 14 * np.exp(spread * random.standard_normal(count))


def test_speaking_rates() -> None:
    lengths, right = corpus_of(200)
    durations = right.copy()
    durations[[5, 6]] *= [1 / 6, 6]
    lengths[7] = 0  # says nothing of a rate
    pace = judge_pace(lengths, durations, None)
    assert np.flatnonzero(pace.outliers).tolist() == [5, 6]
    assert pace.median == pytest.approx(13.2, abs=0.5)  # 14, but for the five characters that each text is longer
    # Where the sound that is not silent has the right length, it is the silence that is long.
    durations[5] = right[5]
    assert not judge_pace(lengths, durations, right).outliers.any()


@pytest.mark.parametrize("lag", [-1, 1])
def test_texts_that_are_a_line_too_high_or_too_low(lag: int) -> None:
    lengths, durations = corpus_of(2000)
    assert judge_pace(lengths, durations, None).shifts == []
    lengths[700:900] = np.roll(lengths[700:900], lag)
    ((first, last, told),) = judge_pace(lengths, durations, None).shifts
    assert (told, abs(first - 700) < 5, abs(last - 899) < 5) == (lag, True, True)
    assert judge_pace(np.roll(corpus_of(200)[0], lag), corpus_of(200)[1], None).shifts[0][2] == lag


def test_texts_in_random_order_are_not_called_shifted() -> None:
    lengths, durations = corpus_of(5000, spread=0.4)
    assert judge_pace(lengths, durations, None).shifts == []
    assert judge_pace(np.random.default_rng(1).permutation(lengths), durations, None).shifts == []
    assert judge_pace(np.full(5000, 50, np.int32), durations, None).shifts == []


def test_copies_are_those_of_a_search_through_all_pairs() -> None:
    random = np.random.default_rng(2)
    keys = random.integers(1, 2**63, size=300, dtype=np.uint64)
    for row in range(100):  # copies with 0 to 4 bits changed
        flipped = sum(1 << int(bit) for bit in random.choice(64, size=row % 5, replace=False))
        keys[200 + row] = keys[row] ^ np.uint64(flipped)
    durations = np.where(np.arange(300) % 7 == 0, 1.0, 2.0)
    expected = {
        (i, j)
        for i in range(300)
        for j in range(i + 1, 300)
        if (int(keys[i]) ^ int(keys[j])).bit_count() <= 3 and durations[i] == durations[j]
    }
    assert len(expected) > 50
    assert set(alike(keys, durations)) == expected
    lines = np.arange(300) + 1
    firsts = {j: min(i for i, k in expected if k == j) + 1 for _, j in expected}
    assert {row: line for row, line in enumerate(first_alike(keys, durations, lines).tolist()) if line} == firsts


def test_cases_that_are_told() -> None:
    capitals = {Case.CAPITALS: 60, Case.SMALL: 39, Case.BOTH: 1, Case.NONE: 5}
    assert usual_case(capitals) == (Case.CAPITALS, {Case.SMALL, Case.BOTH})
    sentences = {Case.BOTH: 990, Case.CAPITALS: 3, Case.SMALL: 60, Case.TITLE: 1}
    assert usual_case(sentences) == (Case.BOTH, {Case.CAPITALS, Case.TITLE})
    assert usual_case({Case.NONE: 9}) == (Case.NONE, frozenset())


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("DON'T", Case.CAPITALS),
        ("don't", Case.SMALL),
        ("Anna", Case.BOTH),
        ("7 8", Case.NONE),
        ("Я И ТЫ", Case.CAPITALS),
    ],
)
def test_cases(text: str, case: Case) -> None:
    assert case_of(text) is case


@given(st.text("aÄ<.7 \u200b\ufffd&;Жя", max_size=12).map(cleaned).filter(bool))
def test_a_text_that_looks_fine_has_no_flaw(text: str) -> None:
    """The fast look lets nothing through."""
    assert not (looks_fine(text, frozenset(map(group, text)), "id") and list(_flaws(text, "id")))
