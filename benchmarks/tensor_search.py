"""Time of beam search in tensors against greedy search, and against the CPU kernel in parallel threads.

    python benchmarks/tensor_search.py [--device cuda] [--quick]

One batch of made-up speech (`ctc_like.py`): sentences of made-up words, with a 3-gram of them. All searches get the
same log-probabilities, which lie on the device; their way to the CPU is in the times of the kernel and of greedy
search. The model is one of the default size with random weights, and is given noise of the same length: what it finds
does not matter for its time.
The searches take turns and medians are compared, so that what else the machine does falls on all of them.

Prints a Markdown table: milliseconds for the batch, over the time of greedy search, and the same with the model's time
added to both. The last line has the ratios for the 3-gram: to greedy search with the model's time, and the kernel's
time over the tensor search's. OMP_NUM_THREADS sets the number of threads.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from ctc_like import ctc_like_log_probs
from torch import Tensor

from asr.lm.estimate import estimate_ngrams
from asr.lm.ngram import NGramModel
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.search.batched.beam import tensor_beam_search
from asr.search.batched.fusion import TensorTables
from asr.search.fusion.fusion import Fusion
from asr.search.greedy import greedy_search
from asr.search.prefix_beam import search_in_parallel
from asr.tokens import Tokens, TokenSettings

SAMPLE_RATE = 16_000
NUM_WORDS, WORDS_OF_SENTENCE = 2_000, 18
MAX_TOKENS, BEAM_THRESHOLD = 40, 25.0


@dataclass(frozen=True, slots=True)
class Size:
    batch: int = 32
    beam_width: int = 64
    num_runs: int = 9


@dataclass(frozen=True, slots=True)
class Speech:
    """A batch on a device: log-probabilities (batch, frames, vocab), and waveforms of the same length."""

    log_probs: Tensor
    num_frames: Tensor
    waveforms: Tensor
    num_samples: Tensor
    fusion: Fusion

    @property
    def utterances(self) -> list[Tensor]:
        return [rows[:length] for rows, length in zip(self.log_probs, self.num_frames.tolist(), strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--quick", action="store_true", help="4 utterances, beam 16, 3 runs")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    size = Size(batch=4, beam_width=16, num_runs=3) if arguments.quick else Size()
    torch.manual_seed(0)
    speech, model = make_speech(size.batch, device)
    frames = int(speech.num_frames.sum())
    print(
        f"torch {torch.__version__}, {device_name(device)}, {torch.get_num_threads()} threads; "
        f"{size.batch} utterances, {frames} frames, the longest {int(speech.num_frames.max())}; "
        f"beam {size.beam_width}, medians of {size.num_runs} runs\n"
    )
    print("| | ms | over greedy | over greedy, both with the model |\n|---|---|---|---|")
    times = measure(parts(speech, model, size.beam_width), size.num_runs, device)
    forward, greedy = times["model"], times["greedy search"]
    for name, milliseconds in times.items():
        ratios = (milliseconds / greedy, (forward + milliseconds) / (forward + greedy))
        shown = "| | |" if name == "model" else f"| {ratios[0]:.2f} | {ratios[1]:.3f} |"
        print(f"| {name} | {milliseconds:.1f} {shown}")
    tensors, kernel = times["tensors, 3-gram"], times["kernel, 3-gram"]
    print(f"\nratio_greedy={(forward + tensors) / (forward + greedy):.3f} ratio_kernel={kernel / tensors:.2f}")


def parts(speech: Speech, model: AcousticModel, beam_width: int) -> dict[str, Callable[[], object]]:
    """What is measured, each with what it needs already on the device."""
    tables = TensorTables.of(speech.fusion.tables, speech.log_probs.device)

    def tensors(fusion: TensorTables | None) -> object:
        return tensor_beam_search(
            speech.log_probs, speech.num_frames, beam_width=beam_width, max_tokens=MAX_TOKENS,
            beam_threshold=BEAM_THRESHOLD, fusion=fusion,
        )  # fmt: skip

    def kernel(fusion: Fusion | None) -> object:
        return search_in_parallel(
            [log_probs.cpu().numpy() for log_probs in speech.utterances], beam_width=beam_width, max_tokens=MAX_TOKENS,
            beam_threshold=BEAM_THRESHOLD, fusion=None if fusion is None else fusion.tables,
        )  # fmt: skip

    return {
        "model": lambda: model(speech.waveforms, speech.num_samples),
        "greedy search": lambda: [greedy_search(log_probs.cpu().numpy()) for log_probs in speech.utterances],
        "tensors": lambda: tensors(None),
        "tensors, 3-gram": lambda: tensors(tables),
        "kernel": lambda: kernel(None),
        "kernel, 3-gram": lambda: kernel(speech.fusion),
    }


def measure(functions: dict[str, Callable[[], object]], num_runs: int, device: torch.device) -> dict[str, float]:
    """Median milliseconds of each."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    with torch.inference_mode():
        for run in range(1 + num_runs):
            for name, function in functions.items():
                wait(device)
                started = time.perf_counter()
                function()
                wait(device)
                if run > 0:  # the first only compiles and warms up
                    times[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(found) for name, found in times.items()}


def make_speech(batch: int, device: torch.device) -> tuple[Speech, AcousticModel]:
    """A batch of sentences, the longest first, and a model of the default size for their tokens."""
    generator = np.random.default_rng(0)
    sentences = made_up_sentences(2_000, generator)
    tokens, _ = Tokens.train(sentences, TokenSettings())
    estimated = estimate_ngrams([sentence.split() for sentence in sentences[batch:]], order=3)
    fusion = Fusion(tokens.pieces, NGramModel.from_ngrams(estimated.words, estimated.ngrams))
    spoken = [ctc_like_log_probs(tokens.encode(sentence), len(tokens), generator) for sentence in sentences[:batch]]
    spoken.sort(key=len, reverse=True)
    num_frames = torch.tensor([len(log_probs) for log_probs in spoken])
    model = AcousticModel(ModelSettings(), vocab_size=len(tokens), sample_rate=SAMPLE_RATE).eval().to(device)
    num_samples = (num_frames * model.seconds_per_frame * SAMPLE_RATE).long()
    log_probs = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(rows) for rows in spoken], batch_first=True)
    waveforms = 0.1 * torch.randn(batch, int(num_samples.max()))
    waveforms *= torch.arange(waveforms.shape[1]) < num_samples[:, None]
    return Speech(
        log_probs.to(device), num_frames.to(device), waveforms.to(device), num_samples.to(device), fusion
    ), model


def made_up_sentences(number: int, generator: np.random.Generator) -> list[str]:
    """Sentences of words of 2 to 9 letters; the n-th word is 1 / n as frequent as the first (Zipf)."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["".join(generator.choice(letters, generator.integers(2, 10))) for _ in range(NUM_WORDS)]
    frequency = 1 / np.arange(1, NUM_WORDS + 1)
    chosen = generator.choice(NUM_WORDS, (number, WORDS_OF_SENTENCE), p=frequency / frequency.sum())
    return [" ".join(words[i] for i in row) for row in chosen]


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


if __name__ == "__main__":
    main()
