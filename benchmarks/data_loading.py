"""What batches cost beside the sound in them: padding, and time that the training waits for them.

    python benchmarks/data_loading.py [--quick] --archive train-clean-5-opus.tar
    python benchmarks/data_loading.py [--quick] --data data/mini_librispeech    # as its recipe leaves it

Padding: the share of zeros in the batches that are planned, without changes of speed, mean of five epochs; for the
utterances of mini LibriSpeech as the recipe trains on them, and for as many as LibriSpeech's 100 hours have, drawn from
them. In a small corpus a large batch has to take what there is: it is a bigger share of the corpus.

Waiting: `share_waiting_for_data` of a training on a part of the corpus, as FLAC, with two loader processes and a small
model, mean of two epochs. Each epoch starts its loaders anew and waits for its first batch: the shorter the epoch, the
larger its share, so that of the whole corpus is smaller than what is measured on its part.

Last line: the most padding of the default plan for the three sizes, and the share of waiting.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs as a script, from any folder
os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # read when torch is loaded: docs/decisions/0002-threads.md

import numpy as np
import numpy.typing as npt
import soundfile

from asr.audio import SAMPLE_RATE, load_audio
from asr.batching import JITTER, batches_by_length
from asr.corpus.manifest import Utterance, read_manifest, write_manifest
from asr.settings import load_settings
from asr.training.run.metrics import read_metrics
from asr.training.settings import ExperimentSettings
from asr.training.train import train
from recipes.mini_librispeech.run import CONF, prepare_train

BATCH_SECONDS = (80.0, 200.0, 600.0)
JITTERS = (0.0, JITTER, 0.1)
NUM_LARGE = 28_539  # utterances of train-clean-100
NUM_EPOCHS = 5
SMALL_MODEL = ("model.num_layers=2", "model.hidden_size=160", "model.conv_channels=16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/mini_librispeech"), help="folder for the corpus")
    parser.add_argument("--archive", type=Path, help="train-clean-5, as FLAC or Opus, unpacked into a temporary folder")
    parser.add_argument("--quick", action="store_true", help="train on 100 utterances, not on 500")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = arguments.data if arguments.archive is None else Path(temporary)
        if arguments.archive is None and not (data / "train.jsonl").is_file():
            sys.exit(
                f"{data / 'train.jsonl'}: not there; run recipes/mini_librispeech first, or give --data, its folder, "
                "or --archive, a copy of train-clean-5"
            )
        if arguments.archive is not None:
            prepare_train(data, arguments.archive)
        utterances = read_manifest(data / "train.jsonl")
        waste = print_padding(np.array([utterance.duration for utterance in utterances]))
        waiting = share_waiting(utterances[:: len(utterances) // (100 if arguments.quick else 500)], Path(temporary))
    print(f"padding_waste={waste:.4f} share_waiting={waiting:.4f}")


def print_padding(durations: npt.NDArray[np.float64]) -> float:
    """A table; the most padding of the default plan."""
    rng = np.random.default_rng(0)
    large = rng.choice(durations, NUM_LARGE) * rng.uniform(0.99, 1.01, NUM_LARGE)  # no two of the same length
    print("| seconds in a batch | jitter | padding, % | batches | with 100 hours of such utterances, % |")
    print("|---|---|---|---|---|")
    worst = 0.0
    for max_seconds in BATCH_SECONDS:
        for jitter in JITTERS:
            waste, count = padding(durations, max_seconds, jitter)
            of_large, _ = padding(large, max_seconds, jitter)
            worst = max(worst, waste) if jitter == JITTER else worst
            print(
                f"| {max_seconds:.0f} | {jitter:g} | {100 * waste:.2f} | {count} | {100 * of_large:.2f} |", flush=True
            )
    return worst


def padding(durations: npt.NDArray[np.float64], max_seconds: float, jitter: float) -> tuple[float, int]:
    """The share of padding, mean of some epochs, and the number of batches."""
    wastes = []
    for epoch in range(1, NUM_EPOCHS + 1):
        plan = batches_by_length(durations, max_seconds, rng=np.random.default_rng((1, epoch)), jitter=jitter)
        wastes.append(1 - durations.sum() / sum(len(batch) * durations[batch].max() for batch in plan))
    return float(np.mean(wastes)), len(plan)


def share_waiting(utterances: Sequence[Utterance], folder: Path) -> float:
    """Of a training on these utterances as FLAC."""
    write_manifest(folder / "flac.jsonl", [as_flac(utterance, folder / "flac") for utterance in utterances])
    write_manifest(folder / "few.jsonl", utterances[:4])
    overrides = [f"data.train={folder / 'flac.jsonl'}", f"data.dev={folder / 'few.jsonl'}", *SMALL_MODEL]
    overrides += ["training.max_epochs=2", "training.num_workers=2"]
    conf = Path(__file__).parents[1] / CONF
    train(load_settings(ExperimentSettings, conf, overrides), folder / "run")
    return float(np.mean([record.share_waiting_for_data for record in read_metrics(folder / "run/metrics.jsonl")]))


def as_flac(utterance: Utterance, folder: Path) -> Utterance:
    if utterance.audio_filepath.suffix == ".flac":
        return utterance
    folder.mkdir(exist_ok=True)
    path = folder / f"{utterance.id}.flac"
    soundfile.write(path, load_audio(utterance.audio_filepath), SAMPLE_RATE, subtype="PCM_16")
    return replace(utterance, audio_filepath=path)


if __name__ == "__main__":
    main()
