"""Stage package: a tuned model and its tagger -> the folder that ships, measured as it ships, with a model card.

    python -m recipes.english.package --run runs/english/seed1 --data data/english \
        --tagger runs/punctuation --out asr/pretrained/english

Its weights become int8, from which both engines compute, with torch or without, and from which a training can go on.
What the card says is measured with them on dev.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from asr.corpus.manifest import Utterance, read_manifest, write_manifest
from asr.engine import WEIGHTS
from asr.errors import CorpusError, ManifestError
from asr.evaluation import evaluate
from asr.files import parse_json, read_bytes, read_lines
from asr.int8_weights import expanded
from asr.model_folder import read_model_folder
from asr.model_saving import write_model_folder
from asr.recognizer import Recognizer
from asr.scoring import Score, score
from asr.text.tagger_file import tagger_from_file
from asr.training.run.metrics import read_metrics
from recipes.english.card import Facts, Usage, model_card
from recipes.english.conditions import CONDITIONS, num_heard_in_nothing, score_in
from recipes.stages import errors_told, say

LARGEST_BYTES = 40_000_000
WIDEST_BEAM = 128  # a weak model is tuned to a wider one, for a per cent of its errors and several times the time
_ACCENT_UTTERANCES = 20  # fewer are counted as others
_SHORT_SECONDS = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a training of the recipe, tuned: it has model_lm")
    parser.add_argument("--data", type=Path, default=Path("data/english"), help="folder of the recipe's manifests")
    parser.add_argument("--tagger", type=Path, help="run of recipes.english.punctuation")
    parser.add_argument(
        "--voice", action="append", default=[], metavar="NAME=HOURS", help="as the run was trained with"
    )
    parser.add_argument("--out", type=Path, required=True, help="the model folder")
    arguments = parser.parse_args()
    with errors_told("package"):
        voices = {name: float(hours) for name, _, hours in (voice.partition("=") for voice in arguments.voice)}
        package(arguments.run, arguments.data, arguments.out, tagger=arguments.tagger, voices=voices)


def package(
    run: Path, data: Path, out: Path, *, tagger: Path | None = None, voices: Mapping[str, float] | None = None
) -> Path:
    """Write the model folder `out`.

    Raises:
        CorpusError: it would be larger than `LARGEST_BYTES`.
        AudioError, ManifestError, ModelError: what it is made from, or measured on, cannot be read.
        OutputError: it cannot be written.
    """
    with tempfile.TemporaryDirectory() as temporary:
        small = _small(run / "model_lm", Path(temporary) / "model", tagger)
        num_bytes = sum(path.stat().st_size for path in small.iterdir())
        if num_bytes > LARGEST_BYTES:
            raise CorpusError(f"{run}: packaged, it has {num_bytes / 1e6:.1f} MB; at most {LARGEST_BYTES / 1e6:g} ship")
        say("package", f"{num_bytes / 1e6:.1f} MB; measuring it on dev")
        facts = measured(small, run, data, num_bytes)
        marks = _test_scores(tagger) if tagger is not None else {}
        card = model_card(replace(facts, synthetic_hours=voices or {}, marks=marks))
        write_model_folder(out, read_model_folder(small, engine="onnx"), card=card)
    say("package", f"{out}: {num_bytes / 1e6:.1f} MB")
    return out


def _small(model: Path, folder: Path, tagger: Path | None) -> Path:
    """A copy of a model, as it ships."""
    parts = read_model_folder(model, engine="onnx")
    search = parts.search.model_copy(update={"beam_width": min(parts.search.beam_width, WIDEST_BEAM)})
    parts = replace(parts, search=search)
    if tagger is not None:
        parts = replace(parts, tagger=tagger_from_file(tagger / "tagger.safetensors"))
    write_model_folder(folder, parts, int8=True)
    return folder


def measured(model: Path, run: Path, data: Path, num_bytes: int) -> Facts:
    """What the card says of a packaged model."""
    recognizer = Recognizer.load(model, engine="onnx")
    parts = {path.stem.removeprefix("dev_"): read_manifest(path) for path in sorted(data.glob("dev_*.jsonl"))}
    dev = [utterance for utterances in parts.values() for utterance in utterances]
    scores = {name: evaluate(recognizer, utterances).score for name, utterances in parts.items()}
    metrics = read_metrics(run / "metrics.jsonl")
    return Facts(
        num_weights=_num_weights(run / "model_lm"),
        num_bytes=num_bytes,
        num_epochs=metrics[-1].epoch,
        core_hours=metrics[-1].training_seconds / 3600,
        train=data / "train.jsonl",
        dev=scores,
        accents=_by_accent(sorted(data.glob("dev_*.jsonl")), scores),
        conditions={name: score_in(condition, recognizer, dev) for name, condition in CONDITIONS.items()},
        num_heard_in_nothing=num_heard_in_nothing(recognizer),
        usage=_usage(model, dev),
    )


def _num_weights(model: Path) -> int:
    weights = expanded(load_file(model / WEIGHTS))
    return sum(array.size for name, array in weights.items() if not name.startswith("features."))


def _by_accent(manifests: Sequence[Path], scores: Mapping[str, Score]) -> dict[str, Score]:
    """Scores by the first accent that a speaker names, where one is known; rare ones together."""
    accents = {record["id"]: record["accent"].split(",")[0] for path in manifests for record in _records(path)}
    groups = defaultdict(list)
    for utterance in (utterance for found in scores.values() for utterance in found.utterances):
        if utterance.id in accents:
            groups[accents[utterance.id]].append(utterance)
    rare = [name for name, utterances in groups.items() if len(utterances) < _ACCENT_UTTERANCES]
    others = [utterance for name in rare for utterance in groups.pop(name)]
    if others:
        groups["others"] = others
    return {
        name: score([utterance.reference for utterance in those], [utterance.hypothesis for utterance in those])
        for name, those in groups.items()
    }


def _records(manifest: Path) -> list[dict[str, Any]]:
    """The lines of a manifest that name an accent."""
    records = [parse_json(line.encode()) for line in read_lines(manifest, ManifestError) if line.strip()]
    return [record for record in records if isinstance(record, dict) and record.get("accent")]


def _usage(model: Path, dev: Sequence[Utterance]) -> Usage:
    """Of the command itself."""
    short = min(dev, key=lambda utterance: abs(utterance.duration - _SHORT_SECONDS))
    with tempfile.TemporaryDirectory() as temporary:
        _transcribe(
            model, short.audio_filepath, Path(temporary) / "first"
        )  # makes the search's cache, if there is none
        to_text = _transcribe(model, short.audio_filepath, Path(temporary) / "again")
        write_manifest(Path(temporary) / "dev.jsonl", dev)
        seconds = _transcribe(model, Path(temporary) / "dev.jsonl", Path(temporary) / "all")
    return Usage(
        sound_seconds_per_second=sum(utterance.duration for utterance in dev) / seconds,
        num_cores=len(os.sched_getaffinity(0)),
        peak_megabytes=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000,
        seconds_to_text=to_text,
        short_seconds=short.duration,
    )


def _transcribe(model: Path, sound: Path, out: Path) -> float:
    """The seconds that it takes."""
    command: list[str | Path] = [sys.executable, "-m", "asr", "transcribe", model, sound, "--output", out]
    started = time.perf_counter()
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise CorpusError(f"{sound}: asr transcribe could not read it: {done.stderr.strip().splitlines()[-1]}")
    return time.perf_counter() - started


def _test_scores(tagger: Path) -> dict[str, dict[str, float]]:
    """Of the stage evaluate."""
    scores: dict[str, dict[str, float]] = parse_json(read_bytes(tagger / "scores.json", CorpusError))["tagger"]
    return scores


if __name__ == "__main__":
    main()
