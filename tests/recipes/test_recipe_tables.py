"""Tables of results: all columns by hand, with and without tests and language models; new results beside old ones."""

import json
import sys
from pathlib import Path

import pytest

from recipes import results
from recipes.tables import results_table

RECORD = {
    "wer": 0.1, "cer": 0.05, "wer_low": 0.07, "wer_high": 0.13, "num_words": 100,
    "substitutions": 5, "deletions": 3, "insertions": 2,
}  # fmt: skip


def test_the_table_has_mean_and_standard_deviation() -> None:
    records = [
        {
            "seed": seed,
            "dev": RECORD,
            "test": {**RECORD, "wer": wer},
            "dev_lm": RECORD,
            "test_lm": {**RECORD, "wer": wer / 2},
            "num_epochs": 9,
            "training_minutes": 1.5,
        }
        for seed, wer in ((1, 0.08), (2, 0.10), (3, 0.12))
    ]
    table = results_table(records)
    row = "| 2 | 10.00 | 10.00 [7.00, 13.00] | 5.00 | 5 / 3 / 2 | 10.00 | 5.00 [7.00, 13.00] | 9 | 1.5 |"
    assert row in table
    assert table.splitlines()[-1].startswith(
        "| mean ± sd | 10.00 ± 0.00 | 10.00 ± 2.00 | | | 10.00 ± 0.00 | 5.00 ± 1.00"
    )
    assert "mean" not in results_table(records[:1])


def test_a_corpus_without_test_set_reports_dev_in_full() -> None:
    record = {"seed": 1, "dev": RECORD, "num_epochs": 9, "training_minutes": 1.5}
    assert results_table([record]).splitlines() == [
        "| seed | dev | dev CER | sub / del / ins | epochs | minutes |",
        "|---|---|---|---|---|---|",
        "| 1 | 10.00 [7.00, 13.00] | 5.00 | 5 / 3 / 2 | 9 | 1.5 |",
    ]


def test_several_tests_have_their_columns_each() -> None:
    scores = dict.fromkeys(("dev", "test-clean", "test-other", "dev_lm", "test-clean_lm", "test-other_lm"), RECORD)
    table = results_table([{"seed": 1, **scores, "num_epochs": 9, "training_minutes": 1.5}])
    assert table.splitlines()[0] == (
        "| seed | dev | test-clean | test-clean CER | sub / del / ins | test-other | test-other CER | "
        "sub / del / ins | dev, 3-gram | test-clean, 3-gram | test-other, 3-gram | epochs | minutes |"
    )
    assert table.count("10.00 [7.00, 13.00]") == 4


def records_of(*seeds: int, wer: float = 0.1) -> list[dict[str, object]]:
    score = {**RECORD, "wer": wer}
    return [{"seed": seed, "dev": score, "num_epochs": 9, "training_minutes": 1.5} for seed in seeds]


def take_results(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["results", *arguments])
    results.main()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two recipes and their READMEs, in which the program runs."""
    for readme in results.READMES.values():
        (tmp_path / readme).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / readme).write_text(f"before\n{results.BEGIN}not yet measured\n{results.END}\nafter\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_new_results_are_merged_by_seed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = repository / "recipes/an4/results.json"
    kept.parent.mkdir()
    kept.write_text(json.dumps(records_of(1, 3)))
    (repository / "new.json").write_text(json.dumps(records_of(3, 2, wer=0.2)))
    take_results(monkeypatch, "new.json")
    assert json.loads(kept.read_text()) == [*records_of(1), *records_of(2, 3, wer=0.2)]
    lines = (repository / "README.md").read_text().splitlines()
    assert [line[:9] for line in lines[4:8]] == ["| 1 | 10.", "| 2 | 20.", "| 3 | 20.", "| mean ± "]
    assert (lines[0], lines[-1]) == ("before", "after")


def test_another_recipe_has_a_table_of_its_own(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "new.json").write_text(json.dumps(records_of(1)))
    take_results(monkeypatch, "new.json", "--recipe", "mini_librispeech")
    folder = repository / "recipes/mini_librispeech"
    assert json.loads((folder / "results.json").read_text()) == records_of(1)
    assert "| 1 | 10.00 [7.00, 13.00]" in (folder / "README.md").read_text()
    assert "not yet measured" in (repository / "README.md").read_text()


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("[", "new.json: expected a list of records"),
        ("[]", "new.json: expected a list of records"),
        ('{"seed": 1}', "new.json: expected a list of records"),
        (json.dumps([{**records_of(2)[0], "dev_lm": RECORD}]), "seed 1 has dev; seed 2 has dev, dev_lm"),
    ],
)
def test_what_cannot_be_merged_changes_nothing(
    repository: Path, monkeypatch: pytest.MonkeyPatch, new: str, message: str
) -> None:
    (repository / "recipes/an4").mkdir()
    (repository / "recipes/an4/results.json").write_text(json.dumps(records_of(1)))
    (repository / "new.json").write_text(new)
    with pytest.raises(SystemExit, match=message):
        take_results(monkeypatch, "new.json")
    assert json.loads((repository / "recipes/an4/results.json").read_text()) == records_of(1)
    assert "not yet measured" in (repository / "README.md").read_text()
