"""The AN4 recipe, from the archive to a table of word error rates.

    python -m recipes.an4.run                          # downloads the corpus (64 MB)
    python -m recipes.an4.run --archive an4_sphere.tar.gz

Stages: fetch, prepare, train (one model a seed), test, results. A stage that is done is said and not done again;
a training that was stopped goes on where it was.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from asr.corpus.manifest import read_manifest
from asr.errors import AsrError, CorpusError, Interrupted
from asr.files import write_text
from recipes.an4.prepare import Manifests, fetch, prepare

CONF = Path("conf/an4.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, help="an4_sphere.tar.gz, if it is at hand")
    parser.add_argument("--data", type=Path, default=Path("data/an4"), help="folder for the corpus")
    parser.add_argument("--runs", type=Path, default=Path("runs/an4"), help="folder for models and results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="one training each")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting")
    arguments = parser.parse_args()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # see docs/decisions/0002-threads.md
    try:
        manifests = prepare_corpus(arguments.data, arguments.archive)
        for seed in arguments.seeds:
            train_seed(manifests, arguments.runs / f"seed{seed}", seed, arguments.set)
        for seed in arguments.seeds:
            test_seed(manifests, arguments.runs / f"seed{seed}")
        write_results(arguments.runs, arguments.seeds)
    except (Interrupted, KeyboardInterrupt):
        say("an4", "stopped; the same command goes on from here")
        sys.exit(130)
    except AsrError as error:
        say("an4", str(error))
        sys.exit(2)


def prepare_corpus(data: Path, archive: Path | None) -> Manifests:
    """Stages fetch and prepare."""
    manifests = Manifests(data / "train.jsonl", data / "dev.jsonl", data / "test.jsonl")
    if all(path.is_file() for path in (manifests.train, manifests.dev, manifests.test)):
        say("fetch, prepare", f"done before: {data}")
        return manifests
    say("fetch", "the corpus: CMU AN4, free for any use")
    path = fetch(data, archive)
    say("prepare", f"unpacking {path}, checking counts and contents")
    manifests = prepare(path, data)
    for manifest in (manifests.train, manifests.dev, manifests.test):
        utterances = read_manifest(manifest)
        hours = sum(utterance.duration for utterance in utterances) / 3600
        say("prepare", f"{manifest}: {len(utterances)} utterances, {hours:.2f} h")
    return manifests


def train_seed(manifests: Manifests, run: Path, seed: int, overrides: list[str]) -> None:
    """Stage train, for one seed."""
    from asr.settings import dump_settings, load_settings
    from asr.training.settings import ExperimentSettings
    from asr.training.train import train

    data = [f"data.{name}={json.dumps(str(getattr(manifests, name)))}" for name in ("train", "dev")]
    settings = load_settings(ExperimentSettings, CONF, [*data, f"training.seed={seed}", *overrides])
    if (run / "done").exists():
        if (run / "settings.yaml").read_text(encoding="utf-8") != dump_settings(settings):
            raise CorpusError(f"{run}: was trained with other settings; give another folder with --runs, or remove it")
        say("train", f"done before: {run}")
        return
    say("train", f"seed {seed} -> {run}")
    train(settings, run, resume=(run / "checkpoint.pt").exists())
    write_text(run / "done", "")


def test_seed(manifests: Manifests, run: Path) -> None:
    """Stage test: dev and test, once, with the search of the settings."""
    from asr.evaluation import evaluate
    from asr.recognizer import Recognizer
    from asr.scoring import aligned_listing, summary_line

    if (run / "test.json").exists():
        say("test", f"done before: {run}")
        return
    recognizer = Recognizer.load(run / "model")
    for name, manifest in (("dev", manifests.dev), ("test", manifests.test)):
        score = evaluate(recognizer, read_manifest(manifest)).score
        say("test", f"{run.name} {name}: {summary_line(score)}")
        write_text(run / f"{name}.txt", aligned_listing(score.utterances) + "\n")
        write_text(run / f"{name}.json", json.dumps(score.to_json(), indent=2) + "\n")


def write_results(runs: Path, seeds: list[int]) -> None:
    """Stage results: what the trainings' own files say, in one file and one table."""
    from asr.training.log import read_metrics

    records: list[dict[str, Any]] = []
    for seed in seeds:
        run = runs / f"seed{seed}"
        dev, test = (json.loads((run / f"{name}.json").read_text(encoding="utf-8")) for name in ("dev", "test"))
        metrics = read_metrics(run / "metrics.jsonl")
        records.append(
            {
                "seed": seed,
                "dev": dev,
                "test": test,
                "num_epochs": metrics[-1]["epoch"],
                "best_epoch": min(metrics, key=lambda record: (record["dev_wer"], record["dev_loss"]))["epoch"],
                "training_minutes": round(metrics[-1]["training_seconds"] / 60, 1),
                "audio_seconds_per_second": round(mean(record["audio_seconds_per_second"] for record in metrics), 1),
            }
        )
    write_text(runs / "results.json", json.dumps(records, indent=2) + "\n")
    say("results", f"{runs / 'results.json'}\n")
    print(results_table(records))


def results_table(records: list[dict[str, Any]]) -> str:
    """Markdown: a row for each seed, then mean and standard deviation."""
    rows = [
        "| seed | dev WER % | test WER % [95 % interval] | test CER % | sub / del / ins | epochs | minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    for record in records:
        test = record["test"]
        rows.append(
            f"| {record['seed']} | {100 * record['dev']['wer']:.2f} | {100 * test['wer']:.2f} "
            f"[{100 * test['wer_low']:.2f}, {100 * test['wer_high']:.2f}] | {100 * test['cer']:.2f} | "
            f"{test['substitutions']} / {test['deletions']} / {test['insertions']} | {record['num_epochs']} | "
            f"{record['training_minutes']} |"
        )
    if len(records) > 1:
        dev, test = ([100 * record[part]["wer"] for record in records] for part in ("dev", "test"))
        rows.append(
            f"| mean ± sd | {mean(dev):.2f} ± {stdev(dev):.2f} | {mean(test):.2f} ± {stdev(test):.2f} | | | | |"
        )
    return "\n".join(rows)


def say(stage: str, text: str) -> None:
    print(f"[{stage}] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
