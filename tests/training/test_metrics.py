"""An epoch as a line of metrics.jsonl: the keys that other tools read, and lines of other versions of asr."""

import json
import math
from dataclasses import fields
from pathlib import Path

from asr.training.diagnosis.layer_norms import LayerNorms
from asr.training.run.metrics import EpochRecord, best_epoch, read_metrics

KEYS = [
    "epoch", "step", "train_loss", "gradient_norm", "share_clipped", "num_skipped", "audio_seconds_per_second",
    "share_waiting_for_data", "padding_waste", "peak_memory_mb", "training_seconds", "layers", "learning_rate",
    "dev_loss", "dev_wer", "dev_cer", "dev_wer_low", "dev_wer_high", "blank_ratio",
]  # fmt: skip


def test_a_record_comes_back_from_its_line(tmp_path: Path) -> None:
    numbers = {one.name: float(place) for place, one in enumerate(fields(EpochRecord)) if one.type is float}
    layers = {"layers.0": LayerNorms(1.5, 0.5), "head": LayerNorms(2.0, math.inf)}
    record = EpochRecord(epoch=3, step=70, num_skipped=1, peak_memory_mb=512, layers=layers, **numbers)
    (tmp_path / "metrics.jsonl").write_text(json.dumps(record.to_json()) + "\n")
    assert list(record.to_json()) == KEYS
    assert record.to_json()["layers"]["layers.0"] == {"weights": 1.5, "gradients": 0.5}
    assert read_metrics(tmp_path / "metrics.jsonl") == [record]


def test_lines_of_older_and_newer_versions_are_read(tmp_path: Path) -> None:
    lines = ['{"epoch": 1, "dev_wer": 1, "dev_cer": null, "lion": [2]}', f'{{"epoch": 2, "dev_loss": -{10**400}}}']
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    old, large = read_metrics(tmp_path / "metrics.jsonl")
    assert (old.epoch, old.dev_wer, old.step, dict(old.layers)) == (1, 1.0, 0, {})
    assert math.isnan(old.dev_cer)
    assert math.isnan(old.blank_ratio)
    assert large.dev_loss == -math.inf


def test_the_best_epoch_has_the_lowest_error_rate_then_the_lowest_loss_then_is_the_first() -> None:
    results = [(0.5, 0.1), (0.2, math.nan), (0.2, 3.0), (0.2, 2.0), (0.2, 2.0), (math.nan, 0.0)]
    records = [EpochRecord(epoch=place, dev_wer=wer, dev_loss=loss) for place, (wer, loss) in enumerate(results)]
    best = best_epoch(records)
    assert best is not None
    assert best.epoch == 3
    assert best_epoch(records[5:]) is None
