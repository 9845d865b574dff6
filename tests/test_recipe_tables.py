"""Tables of results: all columns by hand, with and without tests and language models."""

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
