"""Speed of the engines on one core, from waveforms to log-probabilities: torch against ONNX Runtime.

    OMP_NUM_THREADS=1 python benchmarks/engines.py [--quick]

Both run one network of random weights (5 million, or 1 million with --quick), ONNX Runtime with weights from int8. They
take turns, and the shortest of their times are compared, so that what else the machine does falls on both. Prints a
Markdown table, in milliseconds for each second of sound, and the ratio at each size of batch in the last line.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch

from asr.engine import Engine
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.onnx.export import make_graphs
from asr.onnx_engine import OnnxEngine
from asr.torch_engine import TorchEngine

SAMPLE_RATE, VOCAB = 16_000, 29


@dataclass(frozen=True)
class Size:
    """Recordings in a batch, and the seconds of each."""

    batch: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.batch} x {self.seconds} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller network, 2 rounds instead of 7")
    quick = parser.parse_args().quick
    engines = make_engines(ModelSettings(subsampling=3, hidden_size=96 if quick else 256))
    ratios = []
    print("| batch | torch | ONNX Runtime | ratio |\n|---|---|---|---|")
    for size in (Size(1, 4), Size(8, 4), Size(32, 4)):
        by_torch, by_onnx = (1000 * each for each in compare(engines, size, num_rounds=2 if quick else 7))
        ratios.append(f"ratio_{size.batch}={by_torch / by_onnx:.2f}")
        print(f"| {size} | {by_torch:.1f} | {by_onnx:.1f} | {by_torch / by_onnx:.2f} |", flush=True)
    print("\n" + " ".join(ratios))


def make_engines(settings: ModelSettings) -> tuple[Engine, Engine]:
    """The same network, run by torch and by ONNX Runtime."""
    torch.manual_seed(0)
    model = AcousticModel(settings, vocab_size=VOCAB, sample_rate=SAMPLE_RATE)
    arrays = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    graphs = make_graphs(settings, arrays, sample_rate=SAMPLE_RATE, int8=True)
    exported = OnnxEngine(graphs, settings, vocab_size=VOCAB, sample_rate=SAMPLE_RATE, files={})
    return TorchEngine(model), exported


def compare(engines: tuple[Engine, Engine], size: Size, *, num_rounds: int) -> tuple[float, float]:
    """Seconds of each for a second of sound."""
    rng = np.random.default_rng(0)
    waveforms = [(0.1 * rng.normal(size=size.seconds * SAMPLE_RATE)).astype(np.float32) for _ in range(size.batch)]
    best = [float("inf"), float("inf")]
    for _ in range(num_rounds):
        for index, engine in enumerate(engines):
            started = time.perf_counter()
            engine.log_probs(waveforms)
            best[index] = min(best[index], time.perf_counter() - started)
    first, second = (seconds / size.batch / size.seconds for seconds in best)
    return first, second


if __name__ == "__main__":
    main()
