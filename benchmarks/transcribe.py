"""Transcription against Whisper tiny.en and pocketsphinx: speed and word error rate, from files to texts.

    python benchmarks/transcribe.py MODEL SPEECH [--peers PYTHON] [--limit 100] [--cores 2] [--quick]

SPEECH is a manifest, or a folder of recordings (then there is no WER). MODEL should have a language model (`asr tune`);
beam 100 is searched. All read the same WAV files, on the same cores, one after the other; loading is not counted. Peers
run in processes of PYTHON's environment (`benchmarks/README.md` says what is installed there); those that lack are left
out, and their ratio is nan.

Speed is seconds of sound for a second of CPU time, times the cores, so that other work on the machine does not count;
what each took by the clock is beside it. The ratios are our speed, that of the first row, over those of the peers. The
first row is a network of 10 million random weights with the answers of MODEL's own, so that the search has real work;
if MODEL is as large itself, it is MODEL. Int8 arithmetic needs the package `onnx`, and is left out without it.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from transcribe_engines import make_recognizers

from asr.audio import SAMPLE_RATE, load_audio
from asr.corpus.manifest import read_manifest
from asr.corpus.utterances import load_utterance
from asr.errors import AsrError
from asr.recognizer import Recognizer
from asr.scoring import score
from asr.transcription.folders import is_recording
from asr.transcription.jobs import transcribe_files
from recipes.english_text import spoken_english, words_of

LONG_SECONDS, LONG_SECONDS_QUICK = 600, 30
FEW = 4  # pocketsphinx, a hundred times slower, hears a quarter of the recordings
BATCHES = (1, 8, 32)
PEERS = Path(__file__).with_name("transcribe_peers.py")
NAMES = {
    "whisper_greedy": "Whisper tiny.en int8, greedy",
    "whisper": "Whisper tiny.en int8, as it is set",
    "pocketsphinx": "pocketsphinx",
    "whisper_batched": "Whisper tiny.en int8, greedy, batches of 16",
}


@dataclass(frozen=True, slots=True)
class Speech:
    """WAV files, what is said in them (empty if that is not known), and all of them in one long file."""

    files: list[Path]
    texts: list[str]
    long: Path


@dataclass(frozen=True, slots=True)
class Result:
    """Of the first recordings, as many as there are texts, which last `duration`; all in seconds. CPU time is of all
    cores.
    """

    name: str
    duration: float
    clock: float
    cpu: float
    texts: list[str]

    @property
    def speed(self) -> float:
        """Times real time, if all cores are free and kept busy."""
        return self.duration * num_cores() / self.cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--peers", type=Path, default=Path(sys.executable), help="the Python that the peers run in")
    parser.add_argument("--limit", type=int, default=100, help="recordings")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="under a minute: 4 recordings, few rows")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.limit = min(4, arguments.limit)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    os.environ["OMP_NUM_THREADS"] = str(arguments.cores)  # `asr.threads`
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(arguments, Path(folder))
        except AsrError as error:
            sys.exit(f"transcribe.py: {error}")


def run(arguments: argparse.Namespace, folder: Path) -> None:
    long_seconds = LONG_SECONDS_QUICK if arguments.quick else LONG_SECONDS
    speech = write_speech(arguments.speech, folder, limit=arguments.limit, long_seconds=long_seconds)
    recognizers = make_recognizers(arguments.model)
    main_name, main_one = next(iter(recognizers.items()))
    by_asr("", main_one, [*speech.files, speech.long])  # so that all is ready, and it knows its answers
    lm = "with" if main_one.parts.language_model else "WITHOUT"
    print(f"{num_cores()} cores; {lm} a language model\n")
    results = [by_asr(name, recognizer, speech.files) for name, recognizer in recognizers.items()]
    few = speech.files[: -(-len(speech.files) // FEW)]
    for peer, files in {"whisper": speech.files, "whisper_greedy": speech.files, "pocketsphinx": few}.items():
        results += by_peer(arguments, peer, files)
        results[0] = quicker(results[0], by_asr(main_name, main_one, speech.files))
    print_table(f"{len(speech.files)} recordings, {results[0].duration:.0f} s", results, speech.texts)
    long = [by_asr(main_name, main_one, [speech.long])]
    long += [] if arguments.quick else by_peer(arguments, "whisper_batched", [speech.long])
    print_table(f"one file of {long_seconds} s", long, [])
    if not arguments.quick:
        print_batches(recognizers, speech)
    ratios = {peer: ratio(results, NAMES[peer]) for peer in ("whisper", "pocketsphinx", "whisper_greedy")}
    print(
        f"\nratio_whisper_tiny={ratios['whisper']:.2f} ratio_pocketsphinx={ratios['pocketsphinx']:.2f} "
        f"ratio_whisper_tiny_greedy={ratios['whisper_greedy']:.2f}"
    )


def write_speech(source: Path, folder: Path, *, limit: int, long_seconds: float) -> Speech:
    """WAV files of 16 kHz, mono, 16 bits; the long one repeats them until it is long enough, with 0.5 s between."""
    if source.is_dir():
        paths = sorted(path for path in source.rglob("*") if path.is_file() and is_recording(path))[:limit]
        sounds, texts = [load_audio(path) for path in paths], []
    else:
        utterances = read_manifest(source)[:limit]
        sounds, texts = [load_utterance(utterance) for utterance in utterances], [u.text for u in utterances]
    if not sounds:
        sys.exit(f"{source}: no recordings")
    files = [folder / f"{number:04}.wav" for number in range(len(sounds))]
    for path, sound in zip(files, sounds, strict=True):
        soundfile.write(path, sound, SAMPLE_RATE, subtype="PCM_16")
    long = np.concatenate([part for sound in sounds for part in (sound, np.zeros(SAMPLE_RATE // 2, np.float32))])
    long = np.resize(long, round(long_seconds * SAMPLE_RATE))
    soundfile.write(folder / "long.wav", long, SAMPLE_RATE, subtype="PCM_16")
    return Speech(files, texts, folder / "long.wav")


def by_asr(name: str, recognizer: Recognizer, files: Sequence[Path]) -> Result:
    """As `asr transcribe` does it."""
    clock, cpu = time.perf_counter(), time.process_time()
    outcomes = [result.outcome for result in transcribe_files(recognizer, files)]
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    texts = []
    for outcome in outcomes:
        if isinstance(outcome, AsrError):
            raise outcome
        texts.append(outcome[0].text)
    return Result(name, duration_of(files), clock, cpu, texts)


def by_peer(arguments: argparse.Namespace, peer: str, files: Sequence[Path]) -> list[Result]:
    """Nothing if it is not installed."""
    request = json.dumps([str(file) for file in files])
    command = [str(arguments.peers), str(PEERS), peer, str(arguments.cores)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    found = subprocess.run(command, input=request, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode:
        sys.exit(f"{NAMES[peer]} failed; see above")
    answer = json.loads(found.stdout.splitlines()[-1])
    if "missing" in answer:
        print(f"{NAMES[peer]} is not measured: {answer['missing']} is not installed", file=sys.stderr)
        return []
    texts = [in_words(text) for text in answer["texts"]]
    print(f"{NAMES[peer]}: loading took {answer['loading']:.1f} s", file=sys.stderr)
    return [Result(NAMES[peer], duration_of(files), answer["clock"], answer["cpu"], texts)]


def duration_of(files: Sequence[Path]) -> float:
    return float(sum(soundfile.info(file).duration for file in files))


def in_words(text: str) -> str:
    """As LibriSpeech's transcripts are written, numbers in words."""
    return " ".join(spoken_english(text, Counter()) or words_of(text))


def quicker(one: Result, other: Result) -> Result:
    return min(one, other, key=lambda result: result.cpu)


def print_table(title: str, results: Sequence[Result], texts: Sequence[str]) -> None:
    print(f"| {title} | times real time | CPU s | s by the clock | ours is times as fast | WER % |\n{'|---' * 6}|")
    for result in results:
        name = result.name
        if (number := len(result.texts)) < len(results[0].texts):
            name += f", {number} of them"
        print(
            f"| {name} | {result.speed:.0f} | {result.cpu:.1f} | {result.clock:.1f} "
            f"| {results[0].speed / result.speed:.2f} | {wer(result, texts)} |"
        )
    print(flush=True)


def wer(result: Result, texts: Sequence[str]) -> str:
    """Of the recordings that it heard; empty if nobody knows what is said in them."""
    number = len(result.texts)
    return f"{100 * score(texts[:number], result.texts).wer:.1f}" if texts else ""


def num_cores() -> int:
    return len(os.sched_getaffinity(0))


def print_batches(recognizers: dict[str, Recognizer], speech: Speech) -> None:
    """The network alone, on one core, by the recordings in a batch."""
    sounds = sorted((load_audio(file) for file in speech.files[: max(BATCHES)]), key=len)
    seconds = sum(map(len, sounds)) / SAMPLE_RATE
    print("| network alone, one core, times real time | " + " | ".join(f"batches of {size}" for size in BATCHES) + " |")
    print("|---" * (1 + len(BATCHES)) + "|")
    for name, recognizer in recognizers.items():
        cells = []
        for size in BATCHES:
            cpu = time.process_time()
            for start in range(0, len(sounds), size):
                recognizer.engine.log_probs(sounds[start : start + size])
            cells.append(f"{seconds / (time.process_time() - cpu):.0f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def ratio(results: Sequence[Result], peer: str) -> float:
    """Our speed, which comes first, over the peer's; nan if it is not installed."""
    speeds = [result.speed for result in results if result.name == peer]
    return results[0].speed / speeds[0] if speeds else math.nan


if __name__ == "__main__":
    main()
