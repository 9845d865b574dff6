"""A server under load: 64 requests at once, against the same files by `asr transcribe`'s own pipeline in this process.

    python benchmarks/serve.py MODEL MANIFEST [--requests 64] [--rounds 3]
    python benchmarks/serve.py MODEL MANIFEST --memory 10000

Both have a warm model, and the same number of threads. A round is the server, then the pipeline, on the first
`--requests` utterances of the manifest; the clients' own work counts as the server's. The last line has the best round
of each: `ratio_serve=` is the server's speed over the pipeline's, `p50=` and `p99=` are seconds from sending a request
to its answer, all of them sent at once.

With `--memory` that many requests are sent instead, 8 at once, each with half a second of the utterances in turn, and
`ratio_memory=` is the server's memory after all of them over that after the first 100.
"""

import argparse
import io
import itertools
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import soundfile

from asr.audio import read_blocks
from asr.corpus.manifest import read_manifest
from asr.longform.pipeline import Recording, transcribe_recordings
from asr.recognizer import Recognizer
from asr.transcript import Transcript


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.memory:
        measure_memory(arguments.model, arguments.manifest, arguments.memory)
        return
    utterances = read_manifest(arguments.manifest)[: arguments.requests]
    paths = [utterance.audio_filepath for utterance in utterances]
    seconds = sum(utterance.duration for utterance in utterances)
    recognizer = Recognizer.load(arguments.model)
    served, alone, waits = list[float](), list[float](), list[float]()
    with serving(arguments.model) as url:
        by_server(url, paths[:2])
        by_pipeline(recognizer, paths[:2])
        for _ in range(arguments.rounds):
            texts, took, each = by_server(url, paths)
            expected, took_alone = by_pipeline(recognizer, paths)
            print(
                f"server {seconds / took:.1f} x, pipeline {seconds / took_alone:.1f} x as fast as it plays", flush=True
            )
            differ = sum(a != b for a, b in zip(texts, expected, strict=True))
            if differ:
                print(f"{differ} of {len(paths)} texts differ")
            served, alone, waits = (
                [*served, took],
                [*alone, took_alone],
                each if took <= min([*served, took]) else waits,
            )
    p50, p99 = np.quantile(waits, [0.5, 0.99])
    print(f"ratio_serve={min(alone) / min(served):.2f} p50={p50:.2f} p99={p99:.2f}")


def measure_memory(model: Path, manifest: Path, num_requests: int) -> None:
    sounds = [beginning(utterance.audio_filepath) for utterance in read_manifest(manifest)[:64]]
    with serving(model) as url, httpx.Client(base_url=url, timeout=600) as client, ThreadPoolExecutor(8) as threads:

        def ask(sound: bytes) -> None:
            client.post("/v1/audio/transcriptions", files={"file": ("sound", sound)}).raise_for_status()

        def memory() -> float:
            found = re.search(r"^process_resident_memory_bytes (\S+)", client.get("/metrics").text, re.M)
            return float(found[1]) / 2**20 if found else np.nan

        requests, started, first = itertools.cycle(sounds), time.perf_counter(), np.nan
        for number in range(0, num_requests, 100):
            list(threads.map(ask, itertools.islice(requests, 100)))
            first = memory() if number == 0 else first
            if number % 1000 == 0 or number + 100 >= num_requests:
                print(
                    f"{number + 100:6} requests: {memory():.1f} MiB, {time.perf_counter() - started:.0f} s", flush=True
                )
        print(f"ratio_memory={memory() / first:.3f}")


def beginning(path: Path, seconds: float = 0.5) -> bytes:
    """The first of an utterance, as a file."""
    samples, rate = soundfile.read(path)
    file = io.BytesIO()
    soundfile.write(file, samples[: round(seconds * rate)], rate, format="WAV")
    return file.getvalue()


@contextmanager
def serving(model: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "asr", "serve", str(model), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://\S+?(?=/v1)", process.stderr.readline() if process.stderr else "")
        if found is None:
            sys.exit("the server did not start")
        yield found[0]
    finally:
        process.terminate()
        process.communicate()


def by_server(url: str, paths: Sequence[Path]) -> tuple[list[str], float, list[float]]:
    """Texts, seconds in all, and seconds of each request."""
    with httpx.Client(timeout=600, limits=httpx.Limits(max_connections=len(paths))) as client:

        def ask(path: Path) -> tuple[str, float]:
            begun = time.perf_counter()
            files = {"file": ("sound", path.read_bytes())}
            answer = client.post(f"{url}/v1/audio/transcriptions", files=files).raise_for_status()
            return answer.json()["text"], time.perf_counter() - begun

        started = time.perf_counter()
        with ThreadPoolExecutor(len(paths)) as threads:
            found = list(threads.map(ask, paths))
        return [text for text, _ in found], time.perf_counter() - started, [took for _, took in found]


def by_pipeline(recognizer: Recognizer, paths: Sequence[Path]) -> tuple[list[str], float]:
    started = time.perf_counter()
    recordings = (Recording(read_blocks(path, 30.0)) for path in paths)
    texts = [
        recognizer.punctuated(found).printed().text
        for found in transcribe_recordings(recognizer, recordings)
        if isinstance(found, Transcript)
    ]
    return texts, time.perf_counter() - started


if __name__ == "__main__":
    main()
