"""The AN4 recipe, from the archive to a table of word error rates.

    python -m recipes.an4.run                          # downloads the corpus (64 MB)
    python -m recipes.an4.run --archive an4_sphere.tar.gz

Stages: fetch, prepare, train (one model a seed), test, tune (a language model from the training transcripts, for each
model), test with it, results. A stage that is done is said and not done again; a training that was stopped goes on
where it was.
"""

import argparse
import json
import os
import shutil
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
            test_seed(manifests, arguments.runs / f"seed{seed}", "model")
            tune_seed(manifests, arguments.runs / f"seed{seed}", arguments.data)
            test_seed(manifests, arguments.runs / f"seed{seed}", "model_lm")
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


def tune_seed(manifests: Manifests, run: Path, data: Path) -> None:
    """Stage tune: `model_lm` is the model with a word 3-gram of the training transcripts, its weights chosen on dev.

    Words are those of the transcripts and of the corpus's own pronunciation dictionary.
    """
    from asr.lm.estimate import estimate_ngrams
    from asr.lm.ngram import NGramModel
    from asr.tuning import add_language_model, save_tuned, tune

    if (run / "model_lm").exists():
        say("tune", f"done before: {run}")
        return
    estimated = estimate_ngrams((u.text.split() for u in read_manifest(manifests.train)), order=3)
    NGramModel.from_ngrams(estimated.words, estimated.ngrams).save(run / "lm.bin")
    dictionary = data / "unpacked" / "an4" / "etc" / "an4.dic"
    lexicon = dictionary if dictionary.exists() else None
    recognizer = add_language_model(run / "model", run / "lm.bin", unit="lexicon", lexicon=lexicon)
    tuning = tune(recognizer, read_manifest(manifests.dev))
    with_lm, without = tuning.percent(tuning.best), tuning.percent(tuning.without)
    say("tune", f"{run.name} dev: {with_lm} % with the language model, {without} % with the same beam without")
    shutil.rmtree(run / "model_lm.new", ignore_errors=True)
    shutil.copytree(run / "model", run / "model_lm.new")
    save_tuned(tuning, run / "model_lm.new", dev=str(manifests.dev))
    (run / "model_lm.new").rename(run / "model_lm")


def test_seed(manifests: Manifests, run: Path, model: str) -> None:
    """Stage test: dev and test, once, with the search that is in the model."""
    from asr.evaluation import evaluate
    from asr.recognizer import Recognizer
    from asr.scoring import aligned_listing, summary_line

    suffix = model.removeprefix("model")
    if (run / f"test{suffix}.json").exists():
        say("test", f"done before: {run / model}")
        return
    recognizer = Recognizer.load(run / model)
    for name, manifest in (("dev", manifests.dev), ("test", manifests.test)):
        score = evaluate(recognizer, read_manifest(manifest)).score
        say("test", f"{run / model} {name}: {summary_line(score)}")
        write_text(run / f"{name}{suffix}.txt", aligned_listing(score.utterances) + "\n")
        write_text(run / f"{name}{suffix}.json", json.dumps(score.to_json(), indent=2) + "\n")


def write_results(runs: Path, seeds: list[int]) -> None:
    """Stage results: what the trainings' own files say, in one file and one table."""
    from asr.training.log import read_metrics

    records: list[dict[str, Any]] = []
    for seed in seeds:
        run = runs / f"seed{seed}"
        parts = ("dev", "test", "dev_lm", "test_lm")
        scores = {part: json.loads((run / f"{part}.json").read_text(encoding="utf-8")) for part in parts}
        metrics = read_metrics(run / "metrics.jsonl")
        records.append(
            {
                "seed": seed,
                **scores,
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
        "| seed | dev | test | test CER | sub / del / ins | dev, 3-gram | test, 3-gram | epochs | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for record in records:
        test = record["test"]
        rows.append(
            f"| {record['seed']} | {100 * record['dev']['wer']:.2f} | {_with_interval(test)} | "
            f"{100 * test['cer']:.2f} | "
            f"{test['substitutions']} / {test['deletions']} / {test['insertions']} | "
            f"{100 * record['dev_lm']['wer']:.2f} | {_with_interval(record['test_lm'])} | {record['num_epochs']} | "
            f"{record['training_minutes']} |"
        )
    if len(records) > 1:
        dev, test, dev_lm, test_lm = (_mean(records, part) for part in ("dev", "test", "dev_lm", "test_lm"))
        rows.append(f"| mean ± sd | {dev} | {test} | | | {dev_lm} | {test_lm} | | |")
    return "\n".join(rows)


def _with_interval(score: dict[str, float]) -> str:
    return f"{100 * score['wer']:.2f} [{100 * score['wer_low']:.2f}, {100 * score['wer_high']:.2f}]"


def _mean(records: list[dict[str, Any]], part: str) -> str:
    rates = [100 * record[part]["wer"] for record in records]
    return f"{mean(rates):.2f} ± {stdev(rates):.2f}"


def say(stage: str, text: str) -> None:
    print(f"[{stage}] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
