"""The English recipe in one command, on a language of tones: each stage, and none twice."""

import json
from pathlib import Path

import pytest

from recipes.english import run
from tests.support.tones import random_texts, write_corpus

SMALL = ["model.subsampling=2", "model.conv_channels=4", "model.num_layers=1", "model.hidden_size=8"]
SHORT = ["training.max_epochs=1", "training.batch_seconds=6", "training.num_workers=0", "augment.reverb=null"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What the stage prepare leaves."""
    folder = tmp_path / "data"
    for name, count in (("train", 12), ("dev_read", 3), ("dev_free", 2)):
        write_corpus(folder, name, random_texts(count, seed=count), seed=count)
    (folder / "an4").mkdir()
    for name in ("dev", "test"):
        write_corpus(folder / "an4", name, random_texts(2, seed=9), seed=9)
    return folder


def test_from_manifests_to_a_table_of_error_rates(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "books.txt"
    text.write_text("".join(f"{sentence.capitalize()}.\n" for sentence in random_texts(80, seed=3)))
    command = ["run", "--data", str(data), "--runs", str(tmp_path / "runs"), "--text", f"books={text}"]
    monkeypatch.setattr("sys.argv", [*command, *(part for change in SMALL + SHORT for part in ("--set", change))])
    run.main()
    first = capsys.readouterr()
    assert "| dev |" in first.out
    (record,) = json.loads((tmp_path / "runs" / "results.json").read_text())
    assert {"read", "free", "read_lm", "free_lm"} <= set(record)
    assert len((data / "dev.jsonl").read_text().splitlines()) == 5
    lm = json.loads((data / "text" / "lm.json").read_text())
    assert lm["weights"].keys() == {"books", "transcripts"}
    assert sum(lm["weights"].values()) == pytest.approx(1, abs=1e-3)
    assert lm["dev"]["pruned"]["num_ngrams"] <= lm["dev"]["mixed"]["num_ngrams"]
    assert lm["bytes"] == (data / "text" / "lm.bin").stat().st_size
    run.main()
    again = capsys.readouterr()
    assert again.out == first.out
    for stage in ("lm", "train", "test", "tune"):
        assert f"[{stage}] done before" in again.err
