"""How long augmentation takes: microseconds for each second of sound, on one core, for each effect by itself.

    python benchmarks/augmentation.py [--quick]

The utterance is three seconds of noise with the rhythm of syllables. The voices of babble are in memory already; in a
training, three to seven sound files are read for it. Median of several runs, each with a random choice of its own.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch

from asr.audio import SAMPLE_RATE
from asr.corpus.augment import AugmentSettings, change_speed, distort
from asr.corpus.effects.codec import CODECS, COMPRESSIONS, transcode
from asr.corpus.effects.level import Samples
from asr.corpus.spec_augment import spec_augment

SECONDS = 3.0
EFFECTS = ("volume", "clipping", "added_noise", "babble", "reverb", "telephone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    repeats = 10 if parser.parse_args().quick else 100
    torch.set_num_threads(1)
    print("| effect | microseconds per second of sound |")
    print("|---|---|")
    for name, effect in effects(voice(np.random.default_rng(0))).items():
        print(f"| {name} | {1e6 * median_seconds(effect, repeats) / SECONDS:.0f} |")


def voice(rng: np.random.Generator) -> Samples:
    samples = round(SECONDS * SAMPLE_RATE)
    rhythm = np.clip(np.sin(2 * np.pi * 3 * np.arange(samples) / SAMPLE_RATE), 0.01, None)
    return (0.1 * rhythm * rng.standard_normal(samples)).astype(np.float32).clip(-1, 1)


def effects(waveform: Samples) -> dict[str, Callable[[np.random.Generator], object]]:
    """Each changes the waveform, given a generator."""
    voices = [np.roll(waveform, 5000 * number) for number in range(5)]
    frames = torch.randn(1, round(100 * SECONDS), 80)
    masks = AugmentSettings()

    def alone(settings: AugmentSettings) -> Callable[[np.random.Generator], object]:
        return lambda rng: distort(waveform, settings, rng, lambda rng: voices)

    def codec(name: Literal["vorbis", "opus", "mp3"]) -> Callable[[np.random.Generator], object]:
        return lambda rng: transcode(waveform, name, rng.uniform(*COMPRESSIONS[name]))

    return {
        "none": alone(AugmentSettings()),
        "speed": lambda rng: change_speed(waveform, float(rng.choice([0.9, 1.1]))),
        "SpecAugment": lambda rng: spec_augment(frames, torch.tensor([frames.shape[1]]), masks, torch.Generator()),
        **{name: alone(AugmentSettings.parse({name: {"share": 1}}, source=name)) for name in EFFECTS},
        **{f"codec {name}": codec(name) for name in CODECS},
    }


def median_seconds(effect: Callable[[np.random.Generator], object], repeats: int) -> float:
    effect(np.random.default_rng(0))
    times = []
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        start = time.perf_counter()
        effect(rng)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
