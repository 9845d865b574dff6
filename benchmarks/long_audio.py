"""Memory, drift and speed of one long recording, as `asr transcribe` reads it from a FLAC file.

    python benchmarks/long_audio.py MANIFEST [--model MODEL] [--lm LM] [--hours 10] [--size 3x384] [--quick]

The recording is a tenth of its length, joined from utterances of the manifest with 0.4 s of room noise between them and
a second at the end, ten times over. It and its first ten minutes are transcribed by each engine, each in a process of
its own, whose peak memory is read from Linux. Without `--model`, the network has 11 million random weights and is
searched with beam 100 and a word 3-gram, which makes about two words a second of any speech; the 3-gram is estimated
from the manifest's texts, or given. Prints a Markdown table, and in the last line, of the first engine:

- memory_ratio: its peak memory over that of ten minutes;
- drift_frames: how far the words of the last tenth are from those of the second, in frames of the network; words that
  are not the same are told before;
- real_time: seconds of sound in a second, without the start.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile
import torch

from asr.audio import SAMPLE_RATE
from asr.corpus.manifest import Utterance, read_manifest
from asr.corpus.utterances import load_utterance
from asr.lm.estimate import estimate_ngrams
from asr.lm.formats import load_ngram_model
from asr.lm.ngram import NGramModel
from asr.model import AcousticModel
from asr.model_folder import ModelParts, holds_model
from asr.model_saving import export_model_folder, write_model_folder
from asr.model_settings import ModelSettings
from asr.recognizer import Recognizer
from asr.search import SearchSettings
from asr.tokens import Tokens, TokenSettings
from asr.torch_engine import TorchEngine

PARTS, SHORT = 10, 600  # repetitions; seconds of the short recording
GAP, PAUSE = 0.4, 1.0  # seconds between utterances, and at the end of a part: there, the last part is as the others
HOP = SAMPLE_RATE // 100
_PROCESS = """
import atexit, sys
from pathlib import Path

def tell():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    place.write_text(status["VmHWM"].split()[0])

place = Path(sys.argv.pop())
atexit.register(tell)
from asr.cli import main
main()
"""


@dataclass(frozen=True)
class Word:
    """`start` and `end` in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Run:
    peak_mb: float
    seconds: float
    words: list[Word]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", type=Path, default=None, help="a model folder; it needs both forms of the network")
    parser.add_argument("--lm", type=Path, default=None, help="a word n-gram for the random network")
    parser.add_argument("--size", default="3x384", help="layers x units of the random network")
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--engines", nargs="+", default=["onnx", "torch"])
    parser.add_argument("--quick", action="store_true", help="1 hour, a network of 2x96, ONNX Runtime only")
    args = parser.parse_args()
    if args.quick:
        args.hours, args.size, args.engines = 1.0, "2x96", ["onnx"]
    utterances = read_manifest(args.manifest)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = args.model or folder / "model"
        if not holds_model(model):
            write_model(model, utterances, args.lm, args.size)
        long, short = folder / "long.flac", folder / "short.flac"
        seconds = args.hours * 3600 / PARTS
        write_repeated(long, utterances, seconds, PARTS)
        write_repeated(short, utterances, SHORT, 1)
        print("| engine | sound | peak MB | times real time | words |\n|---|---|---|---|---|")
        runs = {engine: [transcribed(model, path, engine) for path in (short, long)] for engine in args.engines}
        frame = Recognizer.load(model).engine.seconds_per_frame
    first, last = runs[args.engines[0]]
    print()
    drift = drift_of(last.words, seconds) / frame
    speed = (PARTS * seconds - SHORT) / (last.seconds - first.seconds)
    print(f"memory_ratio={last.peak_mb / first.peak_mb:.3f} drift_frames={drift:.2f} real_time={speed:.1f}")


def write_model(folder: Path, utterances: list[Utterance], lm: Path | None, size: str) -> None:
    """A network of random weights, in both forms, with all else that a search needs."""
    texts = [utterance.text for utterance in utterances]
    tokens, _ = Tokens.train(texts, TokenSettings(kind="char"))
    torch.manual_seed(0)
    num_layers, hidden_size = map(int, size.split("x"))
    settings = ModelSettings(subsampling=3, num_layers=num_layers, hidden_size=hidden_size)
    network = AcousticModel(settings, vocab_size=len(tokens), sample_rate=SAMPLE_RATE)
    if lm is None:
        estimated = estimate_ngrams([text.split() for text in texts], order=3)
        language_model = NGramModel.from_ngrams(estimated.words, estimated.ngrams)
    else:
        language_model = load_ngram_model(lm)
    search = SearchSettings(method="beam", beam_width=100)
    write_model_folder(folder, ModelParts(TorchEngine(network), tokens, search, language_model))
    export_model_folder(folder)
    weights = sum(parameter.numel() for parameter in network.parameters())
    print(f"{weights / 1e6:.1f} million weights, {sum(language_model.num_ngrams)} n-grams\n")


def write_repeated(path: Path, utterances: list[Utterance], seconds: float, times: int) -> None:
    """Each part has a whole number of hops, so that the same samples lie in the same frames."""
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, format="FLAC", compression_level=0.0) as file:
        for _ in range(times):
            left = round((seconds - PAUSE) * SAMPLE_RATE / HOP) * HOP
            for samples in speech(utterances):
                file.write(samples[:left])
                left -= len(samples[:left])
                if not left:
                    break
            file.write(noise(PAUSE))


def speech(utterances: list[Utterance]) -> Iterator[np.ndarray]:
    for utterance in cycle(utterances):
        yield load_utterance(utterance)
        yield noise(GAP)


def noise(seconds: float) -> np.ndarray:
    return 3e-4 * np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE))


def transcribed(model: Path, path: Path, engine: str) -> Run:
    """By `asr transcribe`, in a process of its own."""
    output, peak = path.parent / engine, path.parent / "peak"
    arguments = ["transcribe", model, path, "--engine", engine, "--device", "cpu", "--format", "json", "--output"]
    paths = os.pathsep.join(filter(None, sys.path))
    started = time.perf_counter()
    command = [sys.executable, "-c", _PROCESS, *map(str, arguments), str(output), str(peak)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": paths}, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    document = json.loads((output / f"{path.stem}.json").read_text())
    words = [Word(w["text"], w["start"], w["end"]) for segment in document["segments"] for w in segment["words"]]
    run = Run(int(peak.read_text()) / 1024, seconds, words)
    sound = document["duration"]
    columns = f"{sound / 60:.0f} min | {run.peak_mb:.0f} | {sound / seconds:.1f} | {len(words)}"
    print(f"| {engine} | {columns} |", flush=True)
    return run


def drift_of(words: list[Word], seconds: float) -> float:
    """The most by which a word of the last of the parts, each so many `seconds` long, is off its place in the second;
    infinite if not one word is the same."""
    second, last = (
        [
            Word(word.text, word.start - number * seconds, word.end - number * seconds)
            for word in words
            if number * seconds <= word.start < (number + 1) * seconds
        ]
        for number in (1, PARTS - 1)
    )
    pairs = [(a, b) for a, b in zip(second, last, strict=False) if a.text == b.text]
    most = max(len(second), len(last))
    print(f"words of the last part as in the second: {len(pairs)} of {most}")
    return max((max(abs(a.start - b.start), abs(a.end - b.end)) for a, b in pairs), default=np.inf)


if __name__ == "__main__":
    main()
