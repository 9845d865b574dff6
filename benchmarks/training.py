"""How fast training is: whole optimiser steps of ours, against the classic packed LSTM, on the same batches.

    python benchmarks/training.py [--quick] [--device cuda] [--precision bf16] [--size 3x320] [--threads 1]

A step is that of `asr train`: features, SpecAugment, network, CTC, gradients, clipping, AdamW, average of the weights
(`training_step.py`). Batches are planned as in a training from utterances as long as those of LibriSpeech. The two take
turns on each batch; the sums of the medians are compared. With one thread on a CPU the time is that of the processor,
so that other work on the machine does not count.

Prints a Markdown table: seconds of sound per second (which is hours per hour), operations per second of ours and their
share of the peak, memory that a step takes on top of what is there before it. Operations are those of matrix products
and convolutions, forward and twice that backward, on real frames only; the peak is a large matrix product in the type
of `--precision`, measured in the same run. Last line: the lowest ratio of the first size.
"""

import argparse
import ctypes
import math
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs as a script, from any folder

import torch
from torch import nn

from asr.audio import SAMPLE_RATE
from asr.corpus.collate import Batch
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.training.device import compute_dtype, prepare_device
from asr.training.settings import DataSettings, ExperimentSettings, LoopSettings
from benchmarks.training_step import VOCAB_SIZE, ClassicModel, Step, build_model, make_batches, make_step

SIZES = ("3x320", "5x512", "5x1024")  # layers x cells per direction
BATCH_SECONDS = {"cpu": (40.0, 110.0), "cuda": (320.0, 960.0)}
HEADER = (
    "| network | utterances | padding | classic, x real time | ours, x real time | ratio | GFLOP/s | of the peak "
    "| classic, MB | ours, MB |\n|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Result:
    """`classic`, `ours`: seconds for all batches; `memory`: megabytes of a step, classic and ours."""

    utterances: float
    padding: float
    audio_seconds: float
    classic: float
    ours: float
    operations: float
    memory: tuple[float, float]

    def row(self, size: str, peak: float) -> str:
        speed = self.operations / self.ours
        return (
            f"| {size} | {self.utterances:.1f} | {100 * self.padding:.0f} % | {self.audio_seconds / self.classic:.1f} "
            f"| {self.audio_seconds / self.ours:.1f} | {self.classic / self.ours:.2f} | {speed / 1e9:.0f} "
            f"| {100 * speed / peak:.0f} % | {self.memory[0]:.0f} | {self.memory[1]:.0f} |"
        )


def main() -> None:
    arguments = parse_arguments()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    dtype = compute_dtype(arguments.precision, device)
    prepare_device(device, dtype)
    sizes = arguments.size or (SIZES[:1] if arguments.quick else SIZES)
    peak = measured_peak(device, dtype)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {name}, {dtype}, peak {peak / 1e9:.0f} GFLOP/s\n\n{HEADER}")
    ratios = []
    for size in sizes:
        for max_seconds in BATCH_SECONDS[device.type][: 1 if arguments.quick else None]:
            result = compare(size, arguments.precision, make_batches(max_seconds, 2), 3, device)
            ratios += [result.classic / result.ours] if size == sizes[0] else []
            print(result.row(size, peak), flush=True)
    print(f"\nratio_{'gpu' if device.type == 'cuda' else 'cpu'}={min(ratios):.2f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3x320 and small batches only")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("auto", "float32", "bf16", "fp16"), default="auto")
    parser.add_argument("--size", choices=SIZES, action="append", help="only this one; can be given again")
    parser.add_argument("--threads", type=int, help="of the CPU; otherwise as OMP_NUM_THREADS says")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: no GPU that CUDA knows")
    return arguments


def compare(size: str, precision: str, batches: list[Batch], num_rounds: int, device: torch.device) -> Result:
    """Time and memory of the classic step and of ours."""
    settings = experiment(size, precision)
    steps = [make_step(build_model(kind, settings.model, device), settings) for kind in (ClassicModel, AcousticModel)]
    memory = [step_memory(step, batches[0], device) for step in steps]  # warms up as well
    times: list[list[list[float]]] = [[[] for _ in batches] for _ in steps]
    for _ in range(num_rounds):
        for number, batch in enumerate(batches):
            for step, found in zip(steps, times, strict=True):
                found[number].append(seconds(lambda: step(batch), device))  # noqa: B023
    classic, ours = (sum(statistics.median(of_batch) for of_batch in found) for found in times)
    audio = sum(float(batch.num_samples.sum()) for batch in batches)
    padded = sum(batch.waveforms.numel() for batch in batches)
    return Result(
        utterances=sum(map(len, batches)) / len(batches),
        padding=1 - audio / padded,
        audio_seconds=audio / SAMPLE_RATE,
        classic=classic,
        ours=ours,
        operations=3 * sum(operations_per_second(settings.model).values()) * audio / SAMPLE_RATE,
        memory=(memory[0], memory[1]),
    )


def experiment(size: str, precision: str) -> ExperimentSettings:
    num_layers, hidden_size = map(int, size.split("x"))
    return ExperimentSettings.model_validate(
        {
            "data": DataSettings(train="none", dev="none"),
            "model": ModelSettings(num_layers=num_layers, hidden_size=hidden_size),
            "training": LoopSettings.model_validate({"precision": precision}),
        }
    )


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """Of one call; of the processor where it has one thread, and by the clock otherwise."""
    clock = time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    wait_for(device)
    started = clock()
    function()
    wait_for(device)
    return clock() - started


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def step_memory(step: Step, batch: Batch, device: torch.device) -> float:
    """Megabytes that the second step takes at its height, on top of what is there before it; on a CPU of Linux only."""
    step(batch)
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        step(batch)
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    if not sys.platform.startswith("linux"):
        return math.nan
    ctypes.CDLL(None).malloc_trim(0)  # give back what the step before has freed
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the highest so far is what it is now
    before_mb = resident("VmRSS")
    step(batch)
    return resident("VmHWM") - before_mb


def resident(name: str) -> float:
    """Megabytes of this process in memory: now (VmRSS), or at most (VmHWM)."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else math.nan


def operations_per_second(settings: ModelSettings) -> dict[str, float]:
    """Multiplications and additions of the forward pass for a second of sound, by part of the network."""
    model = AcousticModel(settings, vocab_size=VOCAB_SIZE, sample_rate=SAMPLE_RATE)
    frames, bands = 1000 / settings.features.hop_ms, settings.features.num_mels
    convolution = 0.0
    for layer, stride in zip(model.subsampling.convolutions, model.subsampling.strides, strict=True):
        assert isinstance(layer, nn.Conv2d)
        frames, bands = frames / stride, (bands + 1) // 2
        convolution += 2 * layer.weight.numel() * frames * bands
    recurrent = [p for layer in model.layers for p in layer.body.parameters() if p.dim() == 2]
    linear = [model.subsampling.projection.weight, model.head.weight]
    return {
        "convolution": convolution,
        "recurrence": 2 * frames * sum(p.numel() for p in recurrent),
        "linear": 2 * frames * sum(p.numel() for p in linear),
    }


def measured_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations per second of a large matrix product."""
    if device.type == "cuda":
        size = 8192
        matrix = torch.randn(size, size, device=device, dtype=dtype)
        return 2 * size**3 / median_seconds(lambda: matrix @ matrix, device)
    # As a 1x1 convolution: with fewer images and one thread PyTorch asks slower libraries than oneDNN.
    size = 1024
    convolution = nn.Conv2d(size, size, 1, bias=False).to(dtype)
    images = torch.randn(16, size, 16, 16).to(dtype)
    with torch.inference_mode():
        return 2 * size * size * 16 * 16 * 16 / median_seconds(lambda: convolution(images), device)


def median_seconds(function: Callable[[], object], device: torch.device) -> float:
    for _ in range(3):
        function()
    return statistics.median(seconds(function, device) for _ in range(9))


if __name__ == "__main__":
    main()
