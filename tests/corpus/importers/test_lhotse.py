"""`asr import lhotse`: cuts and Shar folders written by lhotse."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from asr.corpus.manifest import read_manifest
from tests.support.command_line import Refusal, RunAsr

if TYPE_CHECKING:
    from lhotse import CutSet, MonoCut


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(16_000 * seconds))
    return (np.round(samples * 2**15) / 2**15).astype(np.float32)


@pytest.fixture
def cuts(tmp_path: Path) -> "CutSet":
    """One cut of a whole file, and one of the midst of another."""
    lhotse = pytest.importorskip("lhotse", reason="the extra lhotse is not installed")
    made: list["MonoCut"] = []
    for name, start, duration in (("a", 0.0, 1.0), ("b", 0.25, 0.5)):
        path = tmp_path / "wav" / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, noise(1.0, seed=len(made)), 16_000)
        recording = lhotse.Recording.from_file(path)
        supervision = lhotse.SupervisionSegment(f"s{name}", name, 0, duration, text=name.upper() * 3, speaker="x")
        made.append(lhotse.MonoCut(f"cut-{name}", start, duration, 0, supervisions=[supervision], recording=recording))
    return lhotse.CutSet.from_cuts(made)


def test_cuts_of_files_stay_where_they_are(asr: RunAsr, cuts: "CutSet", tmp_path: Path) -> None:
    cuts.to_file(tmp_path / "cuts.jsonl.gz")
    assert asr("import", "lhotse", tmp_path / "cuts.jsonl.gz", tmp_path / "m.jsonl").code == 0
    a, b = read_manifest(tmp_path / "m.jsonl")
    assert (a.id, a.text, a.speaker, a.offset, a.duration) == ("cut-a", "AAA", "x", None, 1.0)
    assert (b.id, b.text, b.speaker, b.offset, b.duration) == ("cut-b", "BBB", "x", 0.25, 0.5)
    assert a.audio_filepath == tmp_path / "wav" / "a.wav"
    assert not (tmp_path / "m").exists()


def test_supervisions_are_joined_by_time_and_channels_stay(asr: RunAsr, tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse", reason="the extra lhotse is not installed")
    soundfile.write(tmp_path / "two.wav", np.stack([noise(1.0), noise(1.0, seed=1)], axis=1), 16_000)
    recording = lhotse.Recording.from_file(tmp_path / "two.wav")
    late, early = (
        lhotse.SupervisionSegment(text, "two", start, 0.5, channel=1, text=text)
        for text, start in (("B", 0.5), ("A", 0))
    )
    cut = lhotse.MonoCut("cut", 0.0, 1.0, 1, supervisions=[late, early], recording=recording)
    lhotse.CutSet.from_cuts([cut]).to_file(tmp_path / "cuts.jsonl")
    assert asr("import", "lhotse", tmp_path / "cuts.jsonl", tmp_path / "m.jsonl").code == 0
    (utterance,) = read_manifest(tmp_path / "m.jsonl")
    assert (utterance.text, utterance.channel_selector, utterance.offset) == ("A B", 1, None)
    assert not (tmp_path / "m").exists()


def test_the_sound_of_a_shar_folder_is_written_into_files(asr: RunAsr, cuts: "CutSet", tmp_path: Path) -> None:
    (tmp_path / "shar").mkdir()
    cuts.to_shar(str(tmp_path / "shar"), fields={"recording": "flac"}, shard_size=1)
    assert asr("import", "lhotse", tmp_path / "shar", tmp_path / "m.jsonl").code == 0
    a, b = read_manifest(tmp_path / "m.jsonl")
    assert [(u.id, u.text, u.duration, u.audio_filepath.parent) for u in (a, b)] == [
        ("cut-a", "AAA", 1.0, tmp_path / "m"),
        ("cut-b", "BBB", 0.5, tmp_path / "m"),
    ]
    samples, rate = soundfile.read(b.audio_filepath, dtype="float32")
    assert rate == 16_000
    np.testing.assert_array_equal(samples, noise(1.0, seed=1)[4000:12000])


def test_what_lhotse_cannot_read_is_one_line(refusal: Refusal, cuts: "CutSet", tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n")
    assert "lhotse cannot read cuts from it" in refusal("import", "lhotse", tmp_path / "x.jsonl", tmp_path / "m.jsonl")
    assert "lhotse cannot read cuts" in refusal("import", "lhotse", tmp_path / "no.jsonl", tmp_path / "m.jsonl")
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path}/empty: " in refusal("import", "lhotse", tmp_path / "empty", tmp_path / "m.jsonl")
