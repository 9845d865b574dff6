"""`asr import` of lhotse cuts, Shar folders and saved Hugging Face datasets, written by these packages."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.corpus.manifest import read_manifest


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(16_000 * seconds))
    return (np.round(samples * 2**15) / 2**15).astype(np.float32)


@pytest.fixture
def cuts(tmp_path: Path):
    """One cut of a whole file, and one of the midst of another."""
    lhotse = pytest.importorskip("lhotse", reason="the extra lhotse is not installed")
    made = []
    for name, start, duration in (("a", 0.0, 1.0), ("b", 0.25, 0.5)):
        path = tmp_path / "wav" / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, noise(1.0, seed=len(made)), 16_000)
        recording = lhotse.Recording.from_file(path)
        supervision = lhotse.SupervisionSegment(f"s{name}", name, 0, duration, text=name.upper() * 3, speaker="x")
        made.append(lhotse.MonoCut(f"cut-{name}", start, duration, 0, supervisions=[supervision], recording=recording))
    return lhotse.CutSet.from_cuts(made)


def test_cuts_of_files_stay_where_they_are(asr, cuts, tmp_path: Path) -> None:
    cuts.to_file(tmp_path / "cuts.jsonl.gz")
    assert asr("import", "lhotse", tmp_path / "cuts.jsonl.gz", tmp_path / "m.jsonl").code == 0
    a, b = read_manifest(tmp_path / "m.jsonl")
    assert (a.id, a.text, a.speaker, a.offset, a.duration) == ("cut-a", "AAA", "x", None, 1.0)
    assert (b.id, b.text, b.speaker, b.offset, b.duration) == ("cut-b", "BBB", "x", 0.25, 0.5)
    assert a.audio_filepath == tmp_path / "wav" / "a.wav"
    assert not (tmp_path / "m").exists()


def test_supervisions_are_joined_by_time_and_channels_stay(asr, tmp_path: Path) -> None:
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


def test_the_sound_of_a_shar_folder_is_written_into_files(asr, cuts, tmp_path: Path) -> None:
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


def test_what_lhotse_can_not_read_is_one_line(refusal, cuts, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n")
    assert "lhotse can not read cuts from it" in refusal("import", "lhotse", tmp_path / "x.jsonl", tmp_path / "m.jsonl")
    assert "lhotse can not read cuts" in refusal("import", "lhotse", tmp_path / "no.jsonl", tmp_path / "m.jsonl")
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path}/empty: " in refusal("import", "lhotse", tmp_path / "empty", tmp_path / "m.jsonl")


def test_a_saved_hugging_face_dataset(asr, refusal, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra datasets is not installed")
    soundfile.write(tmp_path / "a.flac", noise(0.5), 16_000)
    in_table = {"bytes": (tmp_path / "a.flac").read_bytes(), "path": "a.flac"}
    beside = {"bytes": None, "path": str(tmp_path / "a.flac")}
    rows = {"audio": [in_table, beside], "said": ["A", "B"], "speaker_id": [7, 8]}
    made = datasets.Dataset.from_dict(rows).cast_column("audio", datasets.Audio(decode=False))
    made.save_to_disk(str(tmp_path / "hf"))
    message = refusal("import", "huggingface", tmp_path / "hf", tmp_path / "m.jsonl")
    assert "the columns are audio, said, speaker_id; name the right one by --text-column" in message
    assert asr("import", "huggingface", tmp_path / "hf", tmp_path / "m.jsonl", "--text-column", "said").code == 0
    utterances = read_manifest(tmp_path / "m.jsonl")
    assert [(u.id, u.text, u.speaker, u.duration) for u in utterances] == [
        ("hf-0000000", "A", "7", 0.5),
        ("hf-0000001", "B", "8", 0.5),
    ]
    assert utterances[0].audio_filepath.read_bytes() == (tmp_path / "a.flac").read_bytes()
    datasets.DatasetDict({"train": made, "dev": made}).save_to_disk(str(tmp_path / "both"))
    assert "has the parts train, dev" in refusal("import", "huggingface", tmp_path / "both", tmp_path / "m.jsonl")


@pytest.mark.parametrize(("kind", "package"), [("lhotse", "lhotse"), ("huggingface", "datasets")])
def test_an_extra_that_is_not_installed_is_named(
    refusal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = refusal("import", kind, tmp_path / "x", tmp_path / "m.jsonl")
    assert message == f"the package {package} is not installed; install it: .venv/bin/pip install {package}"
