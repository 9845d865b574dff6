"""Beam-search decoders side by side, time and word error rate: ours, flashlight-text, pyctcdecode, fast-ctc-decode.

    python benchmarks/search.py --model FOLDER --manifest FILE (--arpa FILE | --text FILE) [--quick]
    python benchmarks/search.py --text FILE [--arpa FILE] [--quick]

All read the same log-probabilities: a model's of the utterances of a manifest or, without a model, made-up ones
(`ctc_like.py`) of the lines of the text. The word 3-gram is read, or estimated from the text; without a model, only
every twentieth line is spoken then, and the 3-gram is that of the others.

One core; times are CPU times of the process. The decoders take turns, and the medians of five runs over all utterances
are compared, so that what else the machine does falls on all. What decoders need once (reading the language model,
compiling) is not in these times. A peer that is not installed is left out, and its ratio is nan: see
`benchmarks/README.md`.

The last line has the ratios, peer's time over ours, at the same beam, threshold and limit of tokens: flashlight-text
without and with a language model and lexicon, and pyctcdecode with a language model, for which few utterances have to
do. pyctcdecode's own defaults look at far fewer tokens; with them it is in the table, beside ours at its threshold.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch and numpy are imported

import argparse
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import search_decoders as decoders
import torch
from ctc_like import ctc_like_log_probs
from search_decoders import Beam, Decoder, WordModel

from asr.corpus.manifest import read_manifest
from asr.corpus.utterances import load_utterance
from asr.errors import AsrError, LanguageModelError
from asr.files import read_lines
from asr.lm.arpa import read_arpa, write_arpa
from asr.lm.estimate import estimate_ngrams
from asr.lm.ngram import NGramModel
from asr.recognizer import Recognizer
from asr.scoring import score
from asr.search.greedy import greedy_search
from asr.tokens import Tokens, TokenSettings

NUM_RUNS = 5
SPOKEN_EVERY = 20  # lines of the text
NUM_FEW = 10  # utterances for the slowest search
MAX_FRAMES, MAX_FRAMES_QUICK = 20_000, 2_000
WIDE = Beam()
NARROW = Beam(threshold=10.0)  # pyctcdecode's default

Maker = Callable[[], Decoder]


@dataclass(frozen=True, slots=True)
class Speech:
    """Log-probabilities (frames, vocab) of utterances, what was said, and the tokens."""

    log_probs: list[np.ndarray]
    texts: list[str]
    tokens: Tokens

    @property
    def num_frames(self) -> int:
        return sum(map(len, self.log_probs))


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    seconds: float  # median over the runs, for all utterances
    wer: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--arpa", type=Path, help="word 3-gram, may be compressed with gzip")
    parser.add_argument("--text", type=Path, help="one sentence a line, as the transcripts are written")
    parser.add_argument("--quick", action="store_true", help=f"at most {MAX_FRAMES_QUICK} frames, not {MAX_FRAMES}")
    parser.add_argument("--first-call", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.first_call:
        print(*first_passes(arguments.first_call))
        return
    if (arguments.model is None) != (arguments.manifest is None):
        parser.error("--model and --manifest go together")
    if arguments.text is None and (arguments.arpa is None or arguments.model is None):
        parser.error("give --text, or --model, --manifest and --arpa")
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(arguments, Path(folder))
        except AsrError as error:
            sys.exit(f"search.py: {error}")


def run(arguments: argparse.Namespace, folder: Path) -> None:
    lines = list(read_lines(arguments.text, LanguageModelError)) if arguments.text else []
    max_frames = MAX_FRAMES_QUICK if arguments.quick else MAX_FRAMES
    if arguments.model:
        speech = recognized_speech(arguments.model, arguments.manifest, max_frames)
    else:
        tokens, _ = Tokens.train(lines, TokenSettings())
        speech = made_up_speech(lines if arguments.arpa else lines[::SPOKEN_EVERY], tokens, max_frames)
        lines = [line for number, line in enumerate(lines) if number % SPOKEN_EVERY]
    arpa = prepare_arpa(folder / "3gram.arpa", arguments.arpa, lines)
    model = WordModel(arpa, decoders.words_of(arpa, speech.tokens))
    print_facts(speech, model, arpa)
    print("| search | decoder | s | µs a frame | WER % | its time / ours |\n|---|---|---|---|---|---|")
    results = [compare(speech, name, makers) for name, makers in searches(speech.tokens, model).items()]
    few = Speech(speech.log_probs[:NUM_FEW], speech.texts[:NUM_FEW], speech.tokens)
    slow: list[Maker] = [
        lambda: decoders.ours(few.tokens, WIDE, model),
        lambda: decoders.pyctcdecode(few.tokens, WIDE, model, least_log_prob=None),
    ]
    with_model = compare(few, f"word 3-gram, {len(few.texts)} utterances", slow)
    without, _, with_lexicon = results
    flashlight, flashlight_lm = ratio(without, "flashlight-text"), ratio(with_lexicon, "flashlight-text")
    pyctcdecode_lm = ratio(with_model, "pyctcdecode")
    print(
        f"\nratio_flashlight={flashlight:.2f} ratio_flashlight_lm={flashlight_lm:.2f} "
        f"ratio_pyctcdecode_lm={pyctcdecode_lm:.2f}"
    )


def searches(tokens: Tokens, model: WordModel) -> dict[str, list[Maker]]:
    """Decoders of each search, ours first: the one that the others are compared with."""
    return {
        "no language model": [
            lambda: decoders.ours(tokens, WIDE),
            lambda: decoders.flashlight(tokens, WIDE),
            lambda: decoders.fast_ctc_decode(tokens, WIDE, least_prob=0.0),
            lambda: decoders.fast_ctc_decode(tokens, WIDE, least_prob=1e-3),
            lambda: decoders.ours(tokens, NARROW),
            lambda: decoders.pyctcdecode(tokens, NARROW),
        ],
        "word 3-gram": [
            lambda: decoders.ours(tokens, NARROW, model),
            lambda: decoders.pyctcdecode(tokens, NARROW, model),
            lambda: decoders.pyctcdecode(tokens, NARROW, model, least_log_prob=-NARROW.threshold),
            lambda: decoders.ours(tokens, WIDE, model),
        ],
        "word 3-gram, lexicon": [
            lambda: decoders.ours(tokens, WIDE, model, lexicon=True),
            lambda: decoders.flashlight_lexicon(tokens, WIDE, model),
        ],
    }


def compare(speech: Speech, search: str, makers: Sequence[Maker]) -> list[Result]:
    """Prints a row for each decoder that is installed; the first is ours."""
    found: list[Decoder] = []
    for make in makers:
        try:
            found.append(make())
        except ModuleNotFoundError as error:
            print(f"skipped: {error.name} is not installed", file=sys.stderr)
    results = measure(speech, found)
    for result in results:
        per_frame = 1e6 * result.seconds / speech.num_frames
        print(
            f"| {search} | {result.name} | {result.seconds:.3f} | {per_frame:.1f} | {100 * result.wer:.2f} "
            f"| {result.seconds / results[0].seconds:.2f} |",
            flush=True,
        )
    return results


def measure(speech: Speech, found: Sequence[Decoder]) -> list[Result]:
    inputs = [[decoder.prepare(log_probs) for log_probs in speech.log_probs] for decoder in found]
    for decoder, prepared in zip(found, inputs, strict=True):
        decoder.decode(prepared[0])  # compiles, fills caches
    times: list[list[float]] = [[] for _ in found]
    texts: list[list[str]] = [[] for _ in found]
    for _ in range(NUM_RUNS):
        for number, decoder in enumerate(found):
            started = time.process_time()
            outputs = [decoder.decode(prepared) for prepared in inputs[number]]
            times[number].append(time.process_time() - started)
            texts[number] = [decoder.text(output) for output in outputs]
    return [
        Result(decoder.name, statistics.median(seconds), score(speech.texts, hypotheses).wer)
        for decoder, seconds, hypotheses in zip(found, times, texts, strict=True)
    ]


def ratio(results: Sequence[Result], peer: str) -> float:
    """The peer's time over ours, which comes first; nan if the peer is not installed."""
    times = [result.seconds for result in results if result.name.startswith(peer)]
    return times[0] / results[0].seconds if times else math.nan


def recognized_speech(model: Path, manifest: Path, max_frames: int) -> Speech:
    recognizer = Recognizer.load(model)
    if not decoders.has_single_characters(recognizer.tokens.pieces):
        sys.exit(f"{model}: the tokens are not single characters, which flashlight-text's lexicon is spelt with here")
    speech = Speech([], [], recognizer.tokens)
    for utterance in read_manifest(manifest):
        log_probs = recognizer.log_probs([load_utterance(utterance)])[0]
        if speech.log_probs and speech.num_frames + len(log_probs) > max_frames:
            break
        speech.log_probs.append(log_probs.copy())
        speech.texts.append(utterance.text)
    return speech


def made_up_speech(lines: Sequence[str], tokens: Tokens, max_frames: int) -> Speech:
    speech = Speech([], [], tokens)
    generator = np.random.default_rng(0)
    for line in filter(str.strip, lines):
        log_probs = ctc_like_log_probs(tokens.encode(line), len(tokens), generator)
        if speech.log_probs and speech.num_frames + len(log_probs) > max_frames:
            break
        speech.log_probs.append(log_probs)
        speech.texts.append(line)
    return speech


def prepare_arpa(path: Path, given: Path | None, lines: Sequence[str]) -> Path:
    """An ARPA file that is not compressed, so that all peers can read it: of the given model, or of the lines."""
    if given is None:
        estimated = estimate_ngrams([line.split() for line in lines], order=3)
        write_arpa(NGramModel.from_ngrams(estimated.words, estimated.ngrams), path)
    else:
        write_arpa(read_arpa(given), path)
    return path


def print_facts(speech: Speech, model: WordModel, arpa: Path) -> None:
    greedy = [speech.tokens.decode(greedy_search(log_probs).tokens) for log_probs in speech.log_probs]
    print(
        f"{len(speech.texts)} utterances, {speech.num_frames} frames, {len(speech.tokens)} tokens, "
        f"{len(model.words)} words; beam {WIDE.width}, at most {WIDE.max_tokens} tokens a frame, 1 thread, "
        f"medians of {NUM_RUNS} runs\n"
        f"greedy search: WER {100 * score(speech.texts, greedy).wer:.2f} %"
    )
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, __file__, "--first-call", str(arpa)]
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        for state in ("cold, kernels compiled", "warm, kernels from numba's cache"):
            output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
            first, later = map(float, output.split())
            print(f"the model read and our three searches called, {state}: {first:.2f} s; once more: {later:.3f} s")
    print(flush=True)


def first_passes(arpa: Path) -> tuple[float, float]:
    """Seconds to read the model and do each search once, in a new process, and to do it all once more."""
    seconds = []
    for _ in range(2):
        started = time.process_time()
        words = read_arpa(arpa).vocabulary.words()[3:]
        tokens, _ = Tokens.train(words, TokenSettings())
        log_probs = ctc_like_log_probs(tokens.encode(words[0]), len(tokens), np.random.default_rng(0))
        for makers in searches(tokens, WordModel(arpa, tuple(words))).values():
            makers[0]().decode(log_probs)
        seconds.append(time.process_time() - started)
    return seconds[0], seconds[1]


if __name__ == "__main__":
    main()
