"""The stages that all recipes share, from manifests on: train, test, tune with a language model, test again, results.

A finished stage is reported and skipped; an interrupted training goes on where it was.
"""

import argparse
import filecmp
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from asr.corpus.manifest import read_manifest
from asr.errors import AsrError, CorpusError, Interrupted
from asr.files import write_text
from recipes.tables import collect_records, results_table


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """What to tune with: `unit` and `lexicon` as in `asr tune`; `file`, else a 3-gram of the training transcripts."""

    unit: str
    lexicon: Path | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """Settings and manifests; `tests` are evaluated under their names, after dev. Without a language model, only the
    bare model is evaluated."""

    conf: Path
    train: Path
    dev: Path
    tests: Mapping[str, Path]
    language_model: LanguageModel | None


def argument_parser(description: str | None, *, data: str, runs: str, seeds: Sequence[int]) -> argparse.ArgumentParser:
    """The options that all recipes share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(data), help="folder for the corpus")
    parser.add_argument("--runs", type=Path, default=Path(runs), help="folder for models and results")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(seeds), help="one training each")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting")
    return parser


@contextmanager
def errors_told(recipe: str) -> Iterator[None]:
    """Errors end the program with one line: exit 2, or 130 after Ctrl-C."""
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # see docs/decisions/0002-threads.md
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        say(recipe, "stopped; the same command goes on from here")
        sys.exit(130)
    except AsrError as error:
        say(recipe, str(error))
        sys.exit(2)


def run_seeds(experiment: Experiment, runs: Path, seeds: Sequence[int], overrides: Sequence[str]) -> None:
    """All stages after the manifests, for all seeds; prints the table of results."""
    for seed in seeds:
        train_seed(experiment, runs / f"seed{seed}", seed, overrides)
    for seed in seeds:
        test_seed(experiment, runs / f"seed{seed}", "model")
        if experiment.language_model is not None:
            tune_seed(experiment, experiment.language_model, runs / f"seed{seed}")
            test_seed(experiment, runs / f"seed{seed}", "model_lm")
    parts = ["dev", *experiment.tests]
    suffixes = [""] if experiment.language_model is None else ["", "_lm"]
    records = collect_records(runs, seeds, [part + suffix for suffix in suffixes for part in parts])
    write_text(runs / "results.json", json.dumps(records, indent=2) + "\n")
    say("results", f"{runs / 'results.json'}\n")
    print(results_table(records))


def train_seed(experiment: Experiment, run: Path, seed: int, overrides: Sequence[str]) -> None:
    """Stage train, for one seed. A finished training goes on if it gets more epochs."""
    from asr.settings import load_settings
    from asr.training.run.checkpoint import Checkpoints
    from asr.training.settings import ExperimentSettings, changed_settings, load_run_settings
    from asr.training.train import train

    data = [f"data.{name}={json.dumps(str(getattr(experiment, name)))}" for name in ("train", "dev")]
    settings = load_settings(ExperimentSettings, experiment.conf, [*data, f"training.seed={seed}", *overrides])
    if (run / "done").exists():
        # Compared as settings, not as text: those that an older version did not know have their defaults.
        before = load_run_settings(run)
        if before == settings:
            say("train", f"done before: {run}")
            return
        is_longer = settings.training.max_epochs > before.training.max_epochs
        if not is_longer or changed_settings(before.model_dump(mode="json"), settings):
            raise CorpusError(f"{run}: was trained with other settings; give another folder with --runs, or remove it")
        _forget_results(experiment, run)
    say("train", f"seed {seed} -> {run}")
    train(settings, run, resume=bool(Checkpoints(run).paths()))
    write_text(run / "done", "")


def _forget_results(experiment: Experiment, run: Path) -> None:
    """Before a training goes on, remove all that was made from its model."""
    shutil.rmtree(run / "model_lm", ignore_errors=True)
    files = [f"{part}{suffix}" for part in ("dev", *experiment.tests) for suffix in ("", "_lm")]
    for name in ["done", *(f"{file}.{kind}" for file in files for kind in ("json", "txt"))]:
        (run / name).unlink(missing_ok=True)


def test_seed(experiment: Experiment, run: Path, model: str) -> None:
    """Stage test: evaluate dev and the tests, once, with the model's own search."""
    from asr.evaluation import evaluate
    from asr.recognizer import Recognizer
    from asr.scoring import aligned_listing, summary_line
    from asr.scoring.stored import write_score

    suffix = model.removeprefix("model")
    parts = {"dev": experiment.dev, **experiment.tests}
    if all((run / f"{part}{suffix}.json").exists() for part in parts):
        say("test", f"done before: {run / model}")
        return
    recognizer = Recognizer.load(run / model)
    for part, manifest in parts.items():
        score = evaluate(recognizer, read_manifest(manifest)).score
        say("test", f"{run / model} {part}: {summary_line(score)}")
        write_text(run / f"{part}{suffix}.txt", aligned_listing(score.utterances) + "\n")
        write_score(run / f"{part}{suffix}.json", score)


def tune_seed(experiment: Experiment, language_model: LanguageModel, run: Path) -> None:
    """Stage tune: `model_lm` is the model with the language model, its weights chosen on dev."""
    file = language_model.file or run / "lm.bin"
    if (run / "model_lm").exists():
        if not file.exists() or not filecmp.cmp(file, run / "model_lm" / "lm.bin", shallow=False):
            raise CorpusError(
                f"{run}: was tuned with another language model than {file}; remove model_lm and *_lm.* there"
            )
        say("tune", f"done before: {run}")
        return
    from asr.tuning import add_language_model, save_tuned, tune

    if language_model.file is None:
        _estimate(experiment.train, file)
    unit, lexicon = language_model.unit, language_model.lexicon
    tuning = tune(add_language_model(run / "model", file, unit=unit, lexicon=lexicon), read_manifest(experiment.dev))
    with_lm, without = tuning.percent(tuning.best), tuning.percent(tuning.without)
    say("tune", f"{run.name} dev: {with_lm} % with the language model, {without} % with the same beam without")
    shutil.rmtree(run / "model_lm.new", ignore_errors=True)
    shutil.copytree(run / "model", run / "model_lm.new")
    save_tuned(tuning, run / "model_lm.new", dev=str(experiment.dev))
    (run / "model_lm.new").rename(run / "model_lm")


def _estimate(manifest: Path, file: Path) -> None:
    from asr.lm.estimate import estimate_ngrams
    from asr.lm.ngram import NGramModel

    estimated = estimate_ngrams((u.text.split() for u in read_manifest(manifest)), order=3)
    NGramModel.from_ngrams(estimated.words, estimated.ngrams).save(file)


def say_sizes(manifests: Sequence[Path]) -> None:
    """Report the size of each manifest; reading them also checks that all sound files exist."""
    for manifest in manifests:
        utterances = read_manifest(manifest)
        hours = sum(utterance.duration for utterance in utterances) / 3600
        say("prepare", f"{manifest}: {len(utterances)} utterances, {hours:.2f} h")


def say(stage: str, text: str) -> None:
    """Progress, on stderr."""
    print(f"[{stage}] {text}", file=sys.stderr, flush=True)
