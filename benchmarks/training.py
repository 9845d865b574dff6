"""How fast training is: seconds of sound per second, and the share of the machine's arithmetic peak.

    python benchmarks/training.py [--quick] [--conf conf/an4.yaml]

One batch of random sound as long as the settings allow, whole optimiser steps, features included. Operations are those
of the matrix products and convolutions, forward and twice that backward. The peak is measured in the same run: a large
matrix product as a 1x1 convolution, in float32 by oneDNN.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from asr.audio import SAMPLE_RATE
from asr.corpus.batches import Batch
from asr.model import AcousticModel, ModelSettings
from asr.settings import load_settings
from asr.training.ema import WeightAverage
from asr.training.loss import training_losses
from asr.training.settings import ExperimentSettings

UTTERANCE_SECONDS = 2.7  # the mean of AN4
TOKENS_PER_SECOND = 8
VOCAB_SIZE = 29


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conf", type=Path, default=Path("conf/an4.yaml"))
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    arguments = parser.parse_args()
    settings = load_settings(ExperimentSettings, arguments.conf)
    repeats = 5 if arguments.quick else 25
    step, batch = make_step(settings)
    seconds = median_seconds(step, repeats)
    audio = float(batch.num_samples.sum()) / SAMPLE_RATE
    operations = 3 * sum(operations_per_second(settings.model).values()) * audio
    peak = measured_peak(repeats)
    print(f"{torch.get_num_threads()} threads, {len(batch)} utterances of {UTTERANCE_SECONDS} s, {arguments.conf}")
    for name, count in operations_per_second(settings.model).items():
        print(f"{name:12} {count / 1e9:6.3f} GFLOP per second of sound, forward")
    print(f"step {1000 * seconds:.0f} ms, {operations / seconds / 1e9:.0f} GFLOP/s of {peak / 1e9:.0f} at the peak")
    print(f"speed={audio / seconds:.0f} share_of_peak={operations / seconds / peak:.2f}")


def make_step(settings: ExperimentSettings) -> tuple[Callable[[], None], Batch]:
    """A whole training step on one batch of noise."""
    torch.manual_seed(1)
    count = max(1, int(settings.training.batch_seconds / UTTERANCE_SECONDS))
    samples = round(UTTERANCE_SECONDS * SAMPLE_RATE)
    num_tokens = round(UTTERANCE_SECONDS * TOKENS_PER_SECOND)
    batch = Batch(
        waveforms=0.1 * torch.randn(count, samples),
        num_samples=torch.full((count,), samples),
        targets=torch.randint(2, VOCAB_SIZE, (count * num_tokens,)),
        num_tokens=torch.full((count,), num_tokens),
        ids=tuple(str(number) for number in range(count)),
    )
    model = AcousticModel(settings.model, vocab_size=VOCAB_SIZE, sample_rate=SAMPLE_RATE).train()
    optimizer = torch.optim.AdamW(model.parameters())
    average = WeightAverage(model, settings.training.ema_decay)

    def step() -> None:
        losses = training_losses(model, batch, settings, torch.Generator())
        optimizer.zero_grad(set_to_none=True)
        (losses.sum() / len(batch.targets)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings.training.max_grad_norm)
        optimizer.step()
        average.update(model, 1)

    return step, batch


def operations_per_second(settings: ModelSettings) -> dict[str, float]:
    """Multiplications and additions of the forward pass for a second of sound, by part of the network."""
    model = AcousticModel(settings, vocab_size=VOCAB_SIZE, sample_rate=SAMPLE_RATE)
    frames, bands = 1000 / settings.features.hop_ms, settings.features.num_mels
    convolution = 0.0
    for layer, stride in zip(model.subsampling.convolutions, model.subsampling.strides, strict=True):
        frames, bands = frames / stride, (bands + 1) // 2
        convolution += 2 * layer.weight.numel() * frames * bands
    recurrent = [p for layer in model.layers for p in layer.recurrence.parameters() if p.dim() == 2]
    linear = [model.subsampling.projection.weight, model.head.weight]
    return {
        "convolution": convolution,
        "recurrence": 2 * frames * sum(p.numel() for p in recurrent),
        "linear": 2 * frames * sum(p.numel() for p in linear),
    }


def measured_peak(repeats: int) -> float:
    """Operations per second of a large float32 matrix product."""
    size = 1024
    convolution = nn.Conv2d(size, size, 1, bias=False)
    images = torch.randn(16, size, 16, 16)  # fewer images and one thread: PyTorch asks slower libraries than oneDNN
    with torch.inference_mode():
        return 2 * size * size * 16 * 16 * 16 / median_seconds(lambda: convolution(images), repeats)


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    for _ in range(3):
        function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
