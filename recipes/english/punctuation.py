"""The tagger that puts capitals, commas, full stops and question marks: data, training, test.

    P="python -m recipes.english.punctuation"
    $P prepare --books sentences.txt.xz books.tsv --modern general.txt.xz general.tsv --data data/punctuation
    $P train --data data/punctuation --run runs/punctuation
    $P tune --data data/punctuation --run runs/punctuation
    $P pauses --data data/punctuation --run runs/punctuation --model MODEL --manifest data/english/train.jsonl
    $P evaluate --data data/punctuation --run runs/punctuation
    $P add --run runs/punctuation --model MODEL

Training goes on where it was stopped; `--minutes` stops it by itself. `tune` chooses on dev what is added to the
probability of each mark, `pauses` what a pause adds, found on read speech; both can be run again after more training.
`evaluate` prints F1 on held-out books and modern text, joined to running text, beside those of a baseline, and writes
them to `scores.json`. `add` puts the tagger into a model folder.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from asr.files import atomic_path, write_text
from asr.model_folder import read_model_folder
from asr.model_saving import write_model_folder
from asr.settings import load_settings
from asr.text.tagger import Tagger
from asr.text.tagger_file import tagger_from_file, tagger_to_bytes
from asr.text.tags import MARKS
from asr.text.windows import TagStream
from recipes.english.mark_baseline import Baseline
from recipes.english.mark_scores import score_marks, to_percent
from recipes.english.punctuation_data import read_running_text, write_tagged_texts
from recipes.english.punctuation_pauses import choose_pause_weight
from recipes.english.tagged_text import without_marks
from recipes.english.tagger_training import TAGGER, PunctuationSettings, Trainer, corpus_of, restored_words
from recipes.stages import errors_told, say

CONF = Path("conf/punctuation.yaml")
_DEV, _TEST = ("dev_books", "dev_modern"), ("test_books", "test_modern")
_BONUSES = tuple(round(0.1 * step, 1) for step in range(-10, 21))  # that are tried
_SHOWN_WORDS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["prepare", "train", "tune", "pauses", "evaluate", "add"])
    for kind in ("books", "modern"):
        parser.add_argument(f"--{kind}", type=Path, nargs=2, metavar=("SENTENCES", "TABLE"), help="for prepare")
    parser.add_argument("--data", type=Path, default=Path("data/punctuation"), help="folder for the tagged texts")
    parser.add_argument("--run", type=Path, default=Path("runs/punctuation"), help="folder of the training")
    parser.add_argument("--model", type=Path, help="model folder, for add and pauses")
    parser.add_argument("--manifest", type=Path, help="speech with times to be found, for pauses")
    parser.add_argument("--conf", type=Path, default=CONF)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting")
    parser.add_argument("--minutes", type=float, help="stop training after so many")
    arguments = parser.parse_args()
    if arguments.stage == "prepare" and not (arguments.books and arguments.modern):
        parser.error("prepare needs --books SENTENCES TABLE and --modern SENTENCES TABLE")
    if arguments.stage in ("add", "pauses") and not arguments.model:
        parser.error(f"{arguments.stage} needs --model FOLDER")
    if arguments.stage == "pauses" and not arguments.manifest:
        parser.error("pauses needs --manifest FILE")
    with errors_told("punctuation"):
        if arguments.stage == "prepare":
            write_tagged_texts(tuple(arguments.books), tuple(arguments.modern), arguments.data)
        elif arguments.stage == "train":
            settings = load_settings(PunctuationSettings, arguments.conf, arguments.set)
            train(settings, arguments.data, arguments.run, minutes=arguments.minutes)
        elif arguments.stage == "tune":
            tune(arguments.data, arguments.run)
        elif arguments.stage == "pauses":
            choose_pause_weight(arguments.data, arguments.run, arguments.model, arguments.manifest)
        elif arguments.stage == "add":
            add_to_model(arguments.run, arguments.model)
        else:
            evaluate(arguments.data, arguments.run)


def train(settings: PunctuationSettings, data: Path, run: Path, *, minutes: float | None = None) -> None:
    """Train, or go on with a training.

    Raises:
        CorpusError: the stage prepare was not run.
        TrainingError: the run is one with other settings.
    """
    dev = {name: read_running_text(data / f"{name}.txt") for name in _DEV}
    Trainer(settings, read_running_text(data / "train.txt"), dev, run).train(minutes=minutes)


def tune(data: Path, run: Path) -> None:
    """Choose the bonus of each mark on dev, one mark after the other, for the sum of the F1 of marks on both texts."""
    tagger = tagger_from_file(run / TAGGER)
    rows, wanted = zip(*(_rows(tagger, read_running_text(data / f"{name}.txt")) for name in _DEV), strict=True)
    bonuses = [0.0] * len(MARKS)
    for mark in 2 * [MARKS.index("."), MARKS.index(","), MARKS.index("?")]:  # twice, as each depends on the others
        tried = {bonus: [*bonuses[:mark], bonus, *bonuses[mark + 1 :]] for bonus in _BONUSES}
        scores = {bonus: _sum_of_f1(rows, wanted, trial) for bonus, trial in tried.items()}
        bonuses[mark] = max(_BONUSES, key=lambda bonus: (scores[bonus], -abs(bonus)))
    settings = tagger.settings.model_copy(update={"mark_bonuses": tuple(bonuses)})
    with atomic_path(run / TAGGER) as temporary:
        temporary.write_bytes(tagger_to_bytes(replace(tagger, settings=settings)))
    say("tune", f"bonuses of {dict(zip(MARKS, bonuses, strict=True))}")


def evaluate(data: Path, run: Path) -> dict[str, dict[str, dict[str, float]]]:
    """F1 in percent of the tagger and of the baseline on each held-out text; prints a table, writes `scores.json`."""
    tagger = tagger_from_file(run / TAGGER)
    baseline = Baseline(corpus_of(read_running_text(data / "train.txt")))
    results: dict[str, dict[str, dict[str, float]]] = {"tagger": {}, "baseline": {}}
    for name in _TEST:
        words = read_running_text(data / f"{name}.txt")
        found = restored_words(words, tagger)
        results["tagger"][name] = to_percent(score_marks(words, found))
        results["baseline"][name] = to_percent(score_marks(words, baseline.restored(without_marks(words))))
        say("evaluate", f"{name}, {len(words)} words: {' '.join(found[:_SHOWN_WORDS])}")
    write_text(run / "scores.json", json.dumps(results, indent=1) + "\n")
    for system, texts in results.items():
        for name, scores in texts.items():
            print(f"{system:8} {name:12} " + "  ".join(f"{mark} {value:.1f}" for mark, value in scores.items()))
    return results


def add_to_model(run: Path, model: Path) -> None:
    """Put the tagger of a training into a model folder; all else in it stays.

    Raises:
        ModelError: the tagger or the model cannot be read.
        OutputError: the model cannot be written; it is as it was.
    """
    parts = replace(read_model_folder(model), tagger=tagger_from_file(run / TAGGER))
    card = model / "README.md"
    write_model_folder(model, parts, card=card.read_text(encoding="utf-8") if card.is_file() else "")
    say("add", f"{model} has a tagger; transcribe --plain leaves it off")


def _rows(tagger: Tagger, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities of the marks, and the marks that are wanted."""
    tags = TagStream(tagger)
    rows = np.concatenate([tags.accept(without_marks(words)), tags.finish()])[:, : len(MARKS)]
    return rows, np.array([MARKS.index(word[-1]) if word[-1] in MARKS else 0 for word in words])


def _sum_of_f1(rows: Sequence[np.ndarray], wanted: Sequence[np.ndarray], bonuses: Sequence[float]) -> float:
    total = 0.0
    for scores, marks in zip(rows, wanted, strict=True):
        found = (scores + np.array(bonuses)).argmax(axis=1)
        for mark in range(1, len(MARKS)):
            right = ((found == mark) & (marks == mark)).sum()
            total += 2 * right / max(1, (found == mark).sum() + (marks == mark).sum())
    return float(total)


if __name__ == "__main__":
    main()
