"""What ships: a model with int8 weights, measured as it ships, with a card that says so."""

import json
import re
import shutil
from pathlib import Path

import pytest

from asr.corpus.manifest import read_manifest
from asr.engine import WEIGHTS
from asr.errors import CorpusError
from asr.evaluation import evaluate
from asr.model_folder import read_model_folder
from asr.recognizer import Recognizer
from asr.text.tagger_file import tagger_to_bytes
from asr.training.run.metrics import EpochRecord
from recipes.english import package as stage
from recipes.english.conditions import CONDITIONS, NUM_ALONE
from recipes.english.corpora import CORPORA
from recipes.english.package import package
from tests.support.taggers import random_tagger
from tests.support.tones import random_texts, write_corpus

ROOT = Path(__file__).parents[2]
MARKS = {"test_books": {"comma": 61.0, "full stop": 70.5}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What the stage prepare leaves: of `free`, it is known who has which accent."""
    folder = tmp_path / "data"
    about = {"train": {"corpus": "an4"}, "dev_read": {}, "dev_free": {"accent": "Irish English,Cork"}}
    for name, count in (("train", 6), ("dev_read", 3), ("dev_free", 22)):
        manifest = write_corpus(folder, name, random_texts(count, seed=count), seed=count)
        lines = [json.loads(line) | about[name] for line in manifest.read_text().splitlines()]
        if name == "dev_free":
            lines[0]["accent"], lines[1]["accent"] = "Welsh English", ""
        manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def run(tmp_path: Path, model_folder: Path) -> Path:
    folder = tmp_path / "run"
    shutil.copytree(model_folder, folder / "model_lm")
    record = EpochRecord(epoch=7, training_seconds=9000.0)
    (folder / "metrics.jsonl").write_text(json.dumps(record.to_json()) + "\n")
    return folder


@pytest.fixture
def tagger(tmp_path: Path) -> Path:
    folder = tmp_path / "tagger"
    folder.mkdir()
    (folder / "tagger.safetensors").write_bytes(tagger_to_bytes(random_tagger()))
    (folder / "scores.json").write_text(json.dumps({"tagger": MARKS, "baseline": {}}))
    return folder


def test_the_card_has_what_was_measured_of_what_ships(run: Path, data: Path, tagger: Path, tmp_path: Path) -> None:
    out = package(run, data, tmp_path / "english", tagger=tagger, voices={"kokoro": 5})
    assert (out / WEIGHTS).stat().st_size < (run / "model_lm" / WEIGHTS).stat().st_size
    parts = read_model_folder(out, engine="onnx")
    assert parts.tagger is not None
    card = (out / "README.md").read_text()
    assert card.splitlines()[0] == "# English: 0.0 million weights, 0.0 hours of real speech and 5 of synthetic"
    for name, dev in (("read", "dev_read"), ("free", "dev_free")):
        score = evaluate(Recognizer.load(out, engine="onnx"), read_manifest(data / f"{dev}.jsonl")).score
        assert rows(card)[name][:2] == [
            str(score.num_words),
            f"{100 * score.wer:.1f} % [{100 * score.wer_low:.1f}, {100 * score.wer_high:.1f}]",
        ]
    assert rows(card)["AN4"][0] == "6"
    assert {"Irish English", "others"} <= rows(card).keys()
    assert "Welsh English" not in rows(card)
    num_words = sum(int(rows(card)[name][0]) for name in ("read", "free"))
    assert [int(rows(card)[name][0]) for name in CONDITIONS] == [num_words] * len(CONDITIONS)
    assert re.search(
        rf"Of {NUM_ALONE} sounds of 5 seconds without speech .* (\d+) gave a text", card.replace("\n", " ")
    )
    assert rows(card)["test_books"] == ["61.0", "70.5"]
    assert "7 epochs, 2.5 hours" in card


def rows(card: str) -> dict[str, list[str]]:
    """Of all tables: what follows the first cell."""
    cells = [line.strip("| ").split(" | ") for line in card.splitlines() if line.startswith("| ")]
    return {name: rest for name, *rest in cells}


def test_too_large_to_ship(run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "LARGEST_BYTES", 1000)
    with pytest.raises(CorpusError, match=r"at most 0\.001 ship"):
        package(run, data, tmp_path / "english")
    assert not (tmp_path / "english").exists()


def test_licences_are_those_of_the_readme() -> None:
    table = (ROOT / "recipes" / "english" / "README.md").read_text()
    told = {cells[0]: cells[-1] for line in table.splitlines() if len(cells := line.strip("| ").split(" | ")) == 5}
    assert {corpus.title: corpus.licence for corpus in CORPORA.values()}.items() <= told.items()
