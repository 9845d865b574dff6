"""Time and memory of scoring 100,000 utterances, beside jiwer's counts of the same, an utterance at a time.

    python benchmarks/scoring.py [--utterances 100000]

Made-up sentences of 5 to 21 words, of which one in ten is wrong. Each scorer runs in a process of its own, whose peak
memory is read from the system, less that with the texts alone. Prints a Markdown table, and in the last line the ratio
of the times.
"""

import argparse
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable

from asr.scoring import score


def sentences(count: int) -> tuple[list[str], list[str]]:
    """References and hypotheses."""
    rng = random.Random(0)
    vocabulary = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(1, 9))) for _ in range(5000)]
    references = [rng.choices(vocabulary, k=rng.randint(5, 21)) for _ in range(count)]
    hypotheses = [
        [rng.choice(vocabulary) if rng.random() < 0.05 else word for word in words if rng.random() > 0.05]
        for words in references
    ]
    return [" ".join(words) for words in references], [" ".join(words) for words in hypotheses]


def with_jiwer(references: list[str], hypotheses: list[str]) -> int:
    """Errors in words; its counts of words and of characters."""
    import jiwer

    errors = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        words, characters = jiwer.process_words(reference, hypothesis), jiwer.process_characters(reference, hypothesis)
        errors += words.substitutions + words.deletions + words.insertions
        assert characters.hits >= 0
    return errors


def with_asr(references: list[str], hypotheses: list[str]) -> int:
    """Errors in words; the whole record, with intervals."""
    return score(references, hypotheses).errors


SCORERS: dict[str, Callable[[list[str], list[str]], int]] = {"asr": with_asr, "jiwer": with_jiwer}


def measure(scorer: str, count: int) -> None:
    """Prints seconds, additional memory in bytes, and errors."""
    texts = sentences(count)
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    errors = SCORERS[scorer](*texts)
    seconds = time.perf_counter() - begin
    print(seconds, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before), errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=100_000)
    parser.add_argument("--one", choices=SCORERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one, options.utterances)
        return
    print("| scorer | seconds | MB | errors |\n|---|---|---|---|")
    seconds = {}
    for scorer in SCORERS:
        command = [sys.executable, __file__, "--one", scorer, "--utterances", str(options.utterances)]
        taken, memory, errors = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        seconds[scorer] = float(taken)
        print(f"| {scorer} | {seconds[scorer]:.1f} | {int(memory) / 1e6:.0f} | {errors} |")
    print(f"time over jiwer's: {seconds['asr'] / seconds['jiwer']:.2f}")


if __name__ == "__main__":
    main()
