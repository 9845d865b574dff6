"""Taggers on disk."""

from pathlib import Path

import numpy as np
import pytest

from asr.errors import ModelError
from asr.text.tagger import TaggerSettings
from asr.text.tagger_file import quantized, tagger_from_file, tagger_to_bytes
from tests.support.taggers import random_tagger

SETTINGS = TaggerSettings(left=3, step=2, right=5, mark_bonuses=(0.0, 0.5, -0.25, 1.0), pause_weight=2.5)


def test_a_tagger_comes_back_but_for_the_rounding_to_int8(tmp_path: Path) -> None:
    tagger = random_tagger(settings=SETTINGS)
    (tmp_path / "tagger").write_bytes(tagger_to_bytes(tagger))
    again = tagger_from_file(tmp_path / "tagger")
    assert (again.settings, again.vocabulary, dict(again.mixed)) == (SETTINGS, tagger.vocabulary, tagger.mixed)
    for before, after in [(tagger.letters, again.letters), (tagger.layers[1][1].inputs, again.layers[1][1].inputs)]:
        assert np.abs(before - after).max() <= np.abs(before).max() / 254 + 1e-6
    np.testing.assert_array_equal(tagger.layers[0][0].bias, again.layers[0][0].bias)
    assert tagger_to_bytes(again) == (tmp_path / "tagger").read_bytes()


def test_int8_is_within_half_a_step_of_each_row() -> None:
    matrix = np.array([[1.0, -0.5, 0.1], [0.0, 0.0, 0.0], [1e-3, 2e-3, -1e-3]], np.float32)
    whole, scale = quantized(matrix)
    assert whole.dtype == np.int8
    np.testing.assert_array_equal(np.abs(whole).max(axis=1), [127, 0, 127])
    assert (np.abs(whole * scale[:, None] - matrix) <= scale[:, None] / 2 + 1e-9).all()


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    content = tagger_to_bytes(random_tagger())
    for at in range(0, len(content), 97):
        damaged = bytearray(content)
        damaged[at] ^= 0x41
        (tmp_path / "tagger").write_bytes(damaged)
        with pytest.raises(ModelError, match=r"tagger: .*(copy the whole model folder|use the asr)"):
            tagger_from_file(tmp_path / "tagger")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 100, tagger_to_bytes(random_tagger())[:-1]])
def test_what_is_no_tagger_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tagger").write_bytes(content)
    with pytest.raises(ModelError, match=r"tagger: damaged, or not a tagger"):
        tagger_from_file(tmp_path / "tagger")


def test_another_version_is_refused_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.text.tagger_file.FORMAT_VERSION", 7)
    content = tagger_to_bytes(random_tagger())
    monkeypatch.undo()
    (tmp_path / "tagger").write_bytes(content)
    with pytest.raises(ModelError, match="format_version is 7, this asr reads 1"):
        tagger_from_file(tmp_path / "tagger")
