"""Overlapping windows, joined on log-probabilities, against one pass over the whole: by length and overlap.

    python benchmarks/window_overlap.py MODEL MANIFEST [MANIFEST ...] [--minutes 10] [--quick]

The utterances of the manifests are strung together, without pauses between them, to strings of so many minutes; each is
heard in one pass and in windows, without cuts at pauses. `difference`: of a log-probability, the mean over rows and
tokens; `probability`: of the likeliest token of a row. WER in per cent, of the best path.

Twice: each window with its own mean, as `asr transcribe` hears it, and all with the mean of the string, where windows
lack nothing but context. Prints Markdown tables.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from asr.audio import SAMPLE_RATE
from asr.corpus.manifest import read_manifest
from asr.corpus.utterances import load_utterance
from asr.longform.windows import Window, WindowPlan
from asr.normalisation import normalised, running_mean
from asr.recognizer import Recognizer
from asr.scoring import score
from asr.search import SearchSettings

PLANS = [(8, 0), (8, 2), (8, 4), (15, 0), (15, 1), (15, 2), (15, 4), (15, 6), (30, 4)]  # seconds: window, overlap
Rows = np.ndarray


@dataclass(frozen=True)
class String:
    """Utterances one after the other. `frames` have the mean of the whole."""

    samples: np.ndarray
    text: str
    frames: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--quick", action="store_true", help="one string of a minute")
    args = parser.parse_args()
    torch.set_num_threads(1)
    recognizer = Recognizer.load(args.model).with_search(SearchSettings())
    found = strings(recognizer, args.manifests, 60 * (1.0 if args.quick else args.minutes))
    taken = [next(found)] if args.quick else list(found)
    print(f"{len(taken)} strings, {sum(len(each.samples) for each in taken) / SAMPLE_RATE / 60:.1f} minutes")
    compare(recognizer, taken, has_own_means=True)
    compare(recognizer, taken, has_own_means=False)


def strings(recognizer: Recognizer, manifests: Sequence[Path], seconds: float) -> Iterator[String]:
    """As many as the utterances give; the last may be shorter, but not by half."""
    sounds: list[np.ndarray] = []
    texts: list[str] = []
    for utterance in (utterance for manifest in manifests for utterance in read_manifest(manifest)):
        sounds.append(load_utterance(utterance))
        texts.append(utterance.text)
        if sum(map(len, sounds)) >= seconds * SAMPLE_RATE:
            yield string(recognizer, sounds, texts)
            sounds, texts = [], []
    if sum(map(len, sounds)) >= seconds * SAMPLE_RATE / 2:
        yield string(recognizer, sounds, texts)


def string(recognizer: Recognizer, sounds: Sequence[np.ndarray], texts: Sequence[str]) -> String:
    samples, settings = np.concatenate(sounds), recognizer.engine.settings.features
    frames, mean = recognizer.engine.log_mel(samples), running_mean(settings, SAMPLE_RATE)
    mean.accept(frames)
    return String(samples, " ".join(texts), normalised(frames, mean.mean(), settings))


def compare(recognizer: Recognizer, taken: Sequence[String], *, has_own_means: bool) -> None:
    full = [recognizer.log_probs([each.samples])[0] for each in taken]
    print(f"\n{'Each window with its own mean' if has_own_means else 'One mean for all'}:\n")
    print("| window, overlap | difference | probability | WER |\n|---|---|---|---|")
    print(f"| one pass | 0 | 0 | {wer(recognizer, full, taken):.1f} |", flush=True)
    engine = recognizer.engine
    step = engine.settings.features.hop(SAMPLE_RATE) * engine.settings.subsampling
    for length, overlap in PLANS:
        plan = WindowPlan.of(step, length=length, overlap=overlap)
        joined = [in_windows(recognizer, each, plan, has_own_means=has_own_means) for each in taken]
        pairs = list(zip(joined, full, strict=True))
        difference = np.mean(np.concatenate([np.abs(a - b).ravel() for a, b in pairs]))
        probability = np.mean(np.concatenate([np.abs(np.exp(a.max(axis=1)) - np.exp(b.max(axis=1))) for a, b in pairs]))
        errors = wer(recognizer, joined, taken)
        print(f"| {length} s, {overlap} s | {difference:.4f} | {probability:.4f} | {errors:.1f} |", flush=True)


def in_windows(recognizer: Recognizer, each: String, plan: WindowPlan, *, has_own_means: bool) -> Rows:
    joined = []
    for window in windows_over(each.samples, plan):
        if has_own_means:
            (rows,) = recognizer.log_probs([window.samples])
        else:
            first = window.start // (SAMPLE_RATE // 100)
            frames = each.frames[first : first + len(window.samples) // (SAMPLE_RATE // 100) + window.is_last]
            (rows,) = recognizer.engine.encode([frames])
        joined.append(window.rows(rows))
    return np.concatenate(joined)


def windows_over(samples: np.ndarray, plan: WindowPlan) -> Iterator[Window]:
    start, is_last = 0, False
    while not is_last:
        is_last = len(samples) - start <= plan.length
        piece = samples[start : start + plan.length]
        yield plan.window(start, piece, is_first=start == 0, is_last=is_last)
        start += plan.hop


def wer(recognizer: Recognizer, rows: Sequence[Rows], taken: Sequence[String]) -> float:
    texts = [recognizer.tokens.decode(best.tokens) for best in recognizer.decode(rows)]
    return 100 * score([each.text for each in taken], texts).wer


if __name__ == "__main__":
    main()
