"""Time and memory of n-gram models: estimating, reading ARPA files, loading binary files.

    python benchmarks/language_model.py [--quick] [--words N]

The text is made: words drawn from 100,000 by Zipf's law, each without regard to the others, in sentences of 20. Hardly
a 3-gram occurs twice in it, so it asks more of the estimator than real text does. Files are read from a 3-gram model of
about a million n-grams, and by kenlm, too, if it is installed; the best of three times counts.

Each step runs in a process of its own, whose peak memory includes Python and its libraries, about 100 MB. Other work on
the machine stretches seconds, but hardly CPU seconds. Needs Linux. Prints a Markdown table, and the words estimated in
a second of CPU time in the last line.
"""

import argparse
import importlib.util
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr.lm.arpa import read_arpa
from asr.lm.estimate import estimate_ngrams
from asr.lm.formats import save_ngram_model
from asr.lm.ngram import NGramModel
from asr.lm.text import read_sentences

VOCAB_SIZE = 100_000
SENTENCE_WORDS = 20
SENTENCES_AT_ONCE = 50_000
MODEL_WORDS = 480_000  # of text for a model of about a million n-grams
QUICK_MODEL_WORDS = 40_000
NUM_READINGS = 3  # the first compiles, or loads what is compiled


@dataclass(frozen=True)
class Cost:
    seconds: float
    cpu_seconds: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="300,000 words, and a model of 100,000 n-grams")
    parser.add_argument("--words", type=int, default=10_000_000, help="words of the text to estimate from")
    options = parser.parse_args()
    num_words = 300_000 if options.quick else options.words
    print("| step | seconds | CPU seconds | peak memory, MB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cost = estimation_cost(folder, num_words)
        reading_costs(folder, QUICK_MODEL_WORDS if options.quick else MODEL_WORDS)
    print(f"\nwords_per_cpu_second={num_words / cost.cpu_seconds:.0f}")


def estimation_cost(folder: Path, num_words: int) -> Cost:
    write_text(folder / "text", num_words)
    cost = run(estimate, folder / "text")
    report(f"estimate a 3-gram model, {num_words / 1e6:g} million words", cost)
    return cost


def reading_costs(folder: Path, num_words: int) -> None:
    write_text(folder / "small", num_words)
    estimated = estimate_ngrams(read_sentences([folder / "small"]), order=3)
    model = NGramModel.from_ngrams(estimated.words, estimated.ngrams)
    for suffix in (".arpa", ".bin"):
        save_ngram_model(model, folder / f"model{suffix}")
    size = f"{sum(model.num_ngrams) / 1e6:.2f} million n-grams"
    report(f"read ARPA, {size}", run(read_arpa, folder / "model.arpa", NUM_READINGS))
    report(f"load binary, {size}", run(NGramModel.load, folder / "model.bin", NUM_READINGS))
    if importlib.util.find_spec("kenlm"):
        report(f"read ARPA by kenlm, {size}", run(read_by_kenlm, folder / "model.arpa", NUM_READINGS))


def write_text(path: Path, num_words: int) -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(VOCAB_SIZE)], dtype=object)
    num_sentences = num_words // SENTENCE_WORDS
    with path.open("w") as file:
        for begin in range(0, num_sentences, SENTENCES_AT_ONCE):
            size = (min(SENTENCES_AT_ONCE, num_sentences - begin), SENTENCE_WORDS)
            ranks = (VOCAB_SIZE ** rng.random(size)).astype(int)
            file.writelines(" ".join(sentence) + "\n" for sentence in words[ranks].tolist())


def estimate(text: Path) -> None:
    estimate_ngrams(read_sentences([text]), order=3)


def read_by_kenlm(arpa: Path) -> None:
    import kenlm  # type: ignore[import-not-found,unused-ignore]

    kenlm.Model(str(arpa))


def run(step: Callable[[Path], object], path: Path, num_runs: int = 1) -> Cost:
    """The least cost of `step(path)` in a process of its own, without that of starting it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        costs = [pool.apply(measure, (step, path)) for _ in range(num_runs)]
    return min(costs, key=lambda cost: cost.cpu_seconds)


def measure(step: Callable[[Path], object], path: Path) -> Cost:
    started, started_cpu = time.perf_counter(), time.process_time()
    step(path)
    return Cost(time.perf_counter() - started, time.process_time() - started_cpu, peak_mb())


def peak_mb() -> float:
    """Of this process, as Linux tells; what `resource` tells begins with the peak of the parent."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def report(step: str, cost: Cost) -> None:
    print(f"| {step} | {cost.seconds:.2f} | {cost.cpu_seconds:.2f} | {cost.peak_mb:.0f} |", flush=True)


if __name__ == "__main__":
    main()
