"""Run folders as a training leaves them, made up, for tests of the report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

NASTY = "<script>alert('&')</script>"


def record(epoch: int, wer: float, **more: float) -> dict[str, float]:
    return {
        "epoch": epoch, "step": 10 * epoch, "learning_rate": 0.003 / epoch, "train_loss": 4.0 / epoch,
        "gradient_norm": 2.0 + epoch, "audio_seconds_per_second": 80.0 + epoch, "share_waiting_for_data": 0.02 * epoch,
        "training_seconds": 30.0 * epoch**2, "dev_loss": 3.0 / epoch, "dev_wer": wer, "dev_cer": wer / 2, **more,
    }  # fmt: skip


NEW = {"dev_wer_low": 0.111, "dev_wer_high": 0.222, "blank_ratio": 0.8125}
METRICS = [record(1, 1.0), record(2, 0.25), record(3, 0.125), record(4, 0.5)]
SCORE = {
    "wer": 0.125, "cer": 0.0625, "wer_low": 0.0711, "wer_high": 0.1303, "num_words": 611,
    "substitutions": 47, "deletions": 12, "insertions": 2,
}  # fmt: skip
SETTINGS = "data:\n  train: a.jsonl\ntraining:\n  max_epochs: 4\n  patience: 9\n  max_grad_norm: 5.0\n  batch: [1, 2]\n"
REFERENCES, HYPOTHESES = ["THE CAT SAT", "A DOG", "OH NO ** YES"], ["THE BAT", "A DOG", "OH NO OH YES"]


def heard(epoch: int, *hypotheses: str) -> list[dict[str, object]]:
    return [
        {"epoch": epoch, "id": f"u{number}", "reference": reference, "hypothesis": hypothesis}
        for number, (reference, hypothesis) in enumerate(zip(REFERENCES, hypotheses, strict=True))
    ]


def lines(records: Sequence[Mapping[str, object]]) -> str:
    return "".join(json.dumps(one) + "\n" for one in records)


def everything() -> dict[str, str]:
    examples = heard(1, "", "", "") + heard(2, NASTY, "A DOG", "OH NO YES") + heard(3, "THE CAT", "A FOG", "OH NO YES")
    starts = [{"first_epoch": 1, "torch": "2.11", "commit": None}, {"first_epoch": 3, "torch": NASTY, "commit": None}]
    return {
        "metrics.jsonl": lines([{**one, **NEW} for one in METRICS]),
        "dev.json": json.dumps(SCORE),
        "test.json": json.dumps(SCORE),
        "examples.jsonl": lines([{**one, "id": f"{one['id']}{NASTY}"} for one in examples]),
        "settings.yaml": SETTINGS.replace("a.jsonl", f'"{NASTY}"'),
        "environment.json": json.dumps(starts),
    }


def written(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder
