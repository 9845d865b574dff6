"""The results of a recipe's runs: collected from the files of the trainings, and as a table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from asr.errors import ScoringError
from asr.files import parse_json, read_bytes

Record = dict[str, Any]
_LM = "_lm"  # suffix of the scores with a language model


def collect_records(runs: Path, seeds: Sequence[int], scores: Sequence[str]) -> list[Record]:
    """One record per seed, with its `scores` (dev, test, dev_lm and so on) and facts on its training."""
    from asr.training.run.metrics import best_epoch, read_metrics

    records: list[Record] = []
    for seed in seeds:
        run = runs / f"seed{seed}"
        metrics = read_metrics(run / "metrics.jsonl")
        best = best_epoch(metrics)
        records.append(
            {
                "seed": seed,
                **{score: read_score(run / f"{score}.json") for score in scores},
                "num_epochs": metrics[-1].epoch,
                "best_epoch": None if best is None else best.epoch,
                "training_minutes": round(metrics[-1].training_seconds / 60, 1),
                "audio_seconds_per_second": round(mean(record.audio_seconds_per_second for record in metrics), 1),
            }
        )
    return records


def read_score(path: Path) -> Any:
    """A score written by `Score.to_json`, without its utterances. Raises ScoringError if it is missing or not JSON."""
    try:
        found = parse_json(read_bytes(path, ScoringError))
    except ValueError:
        raise ScoringError(f"{path}: not JSON; expected what `asr evaluate --json` prints") from None
    return {name: value for name, value in found.items() if name != "utterances"} if isinstance(found, dict) else found


def results_table(records: list[Record]) -> str:
    """Markdown: a row for each seed, then mean and standard deviation.

    Rates in percent; tests have their 95 % interval, dev only where there is no test.
    """
    rows = [list(_cells(record)) for record in records]
    names = [name for name, _, _ in rows[0]]
    lines = [_line(names), "|" + "---|" * len(names), *(_line([cell for _, cell, _ in row]) for row in rows)]
    if len(records) > 1:
        rates = [[rate for _, _, rate in column] for column in zip(*rows, strict=True)]
        lines.append(_line(["mean ± sd", *(_mean(column) for column in rates[1:])]))
    return "\n".join(lines)


def score_names(record: Record) -> list[str]:
    """Such as dev, test, dev_lm and test_lm."""
    return [name for name, value in record.items() if isinstance(value, dict)]


def _cells(record: Record) -> Iterator[tuple[str, str, float | None]]:
    """Column name, cell, and the rate for the mean, if a mean makes sense."""
    scores = score_names(record)
    yield "seed", str(record["seed"]), None
    for score in scores:
        plain = score.removesuffix(_LM)
        rate = 100 * record[score]["wer"]
        is_reported = plain != "dev" or scores in (["dev"], ["dev", "dev_lm"])
        name = plain if plain == score else f"{plain}, 3-gram"
        yield name, _with_interval(record[score]) if is_reported else f"{rate:.2f}", rate
        if is_reported and plain == score:
            errors = (record[score][kind] for kind in ("substitutions", "deletions", "insertions"))
            yield f"{score} CER", f"{100 * record[score]['cer']:.2f}", None
            yield "sub / del / ins", " / ".join(str(count) for count in errors), None
    yield "epochs", str(record["num_epochs"]), None
    yield "minutes", str(record["training_minutes"]), None


def _line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def _with_interval(score: dict[str, float]) -> str:
    return f"{100 * score['wer']:.2f} [{100 * score['wer_low']:.2f}, {100 * score['wer_high']:.2f}]"


def _mean(rates: Sequence[float | None]) -> str:
    known = [rate for rate in rates if rate is not None]
    return f"{mean(known):.2f} ± {stdev(known):.2f}" if known else ""
