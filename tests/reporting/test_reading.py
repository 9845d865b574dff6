"""Reading run folders for the report: broken files are named, examples compared, numbers written for people."""

import math
from pathlib import Path

import pytest

from asr.reporting.examples import Heard, best, changes, scored, worst
from asr.reporting.numbers import duration, number
from tests.support.command_line import Refusal
from tests.support.run_folders import METRICS, lines, written


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A run with no more than the metrics."""
    return written(tmp_path / "run", {"metrics.jsonl": lines(METRICS)})


def test_changes_need_the_same_utterances() -> None:
    before, after = [Heard("a", "X Y", "X"), Heard("b", "X", "X")], [Heard("a", "X Y", "X Y"), Heard("b", "X", "X")]
    (change,) = changes(before, after)
    assert (change.after.id, change.fewer_errors) == ("a", 1)
    assert changes(before, after[:1]) == []
    assert changes(before, [Heard("a", "X Z", "X"), after[1]]) == []


def test_the_worst_have_the_most_errors_for_each_word_and_the_best_are_long() -> None:
    texts = [("0", "A B C D", "A X Y D"), ("1", "A", "B"), ("2", "A B", "A B"), ("3", "A B C", "A B C"), ("4", "", "A")]
    utterances = [scored(Heard(*one)) for one in texts]
    assert [u.id for u in worst(utterances, 9)] == ["1", "4", "0"]
    assert [u.id for u in best(utterances, 3)] == ["3", "2", "0"]


def test_numbers_for_people() -> None:
    assert [number(x) for x in (0.0, 0.00080219, 0.000012345, 16.8793, 12345.6, math.nan, 1e-9)] == [
        "0", "0.0008022", "0.000012345", "16.88", "12\u202f346", "–", "1e-09",
    ]  # fmt: skip
    times = [0.4, 59.6, 2176.0, 3_900.0, 97_300.0]
    assert [duration(s).replace("\u00a0", " ") for s in times] == [
        "0 s", "1 min 00 s", "36 min 16 s", "1 h 05 min", "1 d 03 h",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metrics.jsonl", "", "metrics.jsonl: is empty; wait until the first epoch is done"),
        ("metrics.jsonl", '{"epoch": 1}\n{"epoch": 2', "metrics.jsonl, line 2: not JSON"),
        (
            "metrics.jsonl",
            '\n{"step": 2}',
            'metrics.jsonl, line 2: expected "epoch", a whole number from 1, found None',
        ),
        ("metrics.jsonl", "[" * 100_000, "metrics.jsonl, line 1: not JSON"),
        ("metrics.jsonl", "3", "metrics.jsonl, line 1: expected a JSON object, found int"),
        ("metrics.jsonl", '{"epoch": 1, "dev_wer": "x"}', "epoch 1: \"dev_wer\" is 'x', expected a number"),
        ("metrics.jsonl", '{"epoch": 1, "step": 1.5}', 'epoch 1: "step" is 1.5, expected a whole number'),
        ("metrics.jsonl", '{"epoch": 1, "layers": [2]}', 'epoch 1: "layers" is [2], expected weights and gradients by'),
        ("examples.jsonl", '{"epoch": 1}', "examples.jsonl, epoch 1: expected the texts id, reference and hypothesis"),
        ("examples.jsonl", "{", "examples.jsonl, line 1: not JSON"),
        ("environment.json", "{}", "environment.json: expected a JSON list of objects"),
        ("dev.json", '{"wer": 1}', "dev.json: not a score"),
        ("settings.yaml", "a: [", "settings.yaml: not YAML"),
        ("settings.yaml", "a", "settings.yaml: expected sections of settings"),
    ],
)
def test_broken_files_are_named_in_one_line(refusal: Refusal, old: Path, name: str, content: str, message: str) -> None:
    (old / name).write_text(content)
    assert message in refusal("report", old)
    assert not (old / "report.html").exists()


def test_what_is_no_run_folder(refusal: Refusal, tmp_path: Path) -> None:
    assert "no such folder" in refusal("report", tmp_path / "gone")
    assert "not a run folder, it has no metrics.jsonl" in refusal("report", tmp_path)
