"""`asr import huggingface`: datasets saved by that package."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.corpus.manifest import read_manifest
from tests.support.command_line import Refusal, RunAsr


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(16_000 * seconds))
    return (np.round(samples * 2**15) / 2**15).astype(np.float32)


def test_a_saved_hugging_face_dataset(asr: RunAsr, refusal: Refusal, tmp_path: Path) -> None:
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
