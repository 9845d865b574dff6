"""Time of a bidirectional LSTM layer on the CPU: ours against torch's on packed sequences.

    python benchmarks/recurrent.py [--quick]

Both run forward and backward on the same batch, with the same weights. Utterances are of mixed lengths, from a half of
the longest to all of it. A packed bidirectional `nn.LSTM` is what deepspeech.pytorch and SpeechBrain run. The two take
turns and their medians are compared, so that what else the machine does falls on both. Prints a Markdown table, and the
median of its ratios in the last line. OMP_NUM_THREADS sets the number of threads.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from asr.recurrent.bidirectional import Bidirectional
from asr.recurrent.families import make_bidirectional
from asr.recurrent.settings import LSTMSettings

Layer = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Size:
    """Utterances, frames of the longest, and cells per direction; the input is as wide as the output."""

    batch: int
    frames: int
    cells: int

    def __str__(self) -> str:
        return f"{self.batch} x {self.frames} frames, {2 * self.cells} -> 2 x {self.cells}"


SIZES = (Size(8, 100, 160), Size(16, 150, 256), Size(16, 250, 512))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 runs of each instead of 21")
    num_runs = 3 if parser.parse_args().quick else 21
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, milliseconds, medians of {num_runs} runs\n")
    print("| batch | packed nn.LSTM | ours | ratio |\n|---|---|---|---|")
    ratios = []
    for size in SIZES:
        packed, ours = compare(size, num_runs)
        ratios.append(packed / ours)
        print(f"| {size} | {packed:.1f} | {ours:.1f} | {packed / ours:.2f} |", flush=True)
    print(f"\nratio_cpu={statistics.median(ratios):.2f}")


def compare(size: Size, num_runs: int) -> tuple[float, float]:
    """Milliseconds of torch's packed layer and of ours."""
    torch.manual_seed(0)
    num_frames = torch.linspace(size.frames / 2, size.frames, size.batch).round().long()
    inside = torch.arange(size.frames) < num_frames[:, None]
    frames = torch.randn(size.batch, size.frames, 2 * size.cells, requires_grad=True)
    ours = make_bidirectional(LSTMSettings(), 2 * size.cells, size.cells)
    peer = packed_peer(ours)

    def packed(frames: Tensor) -> Tensor:
        sequence = pack_padded_sequence(frames, num_frames, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(peer(sequence)[0], batch_first=True)[0]

    layers: list[Layer] = [packed, lambda frames: ours(frames, num_frames)]
    times: list[list[float]] = [[], []]
    for run in range(1 + num_runs):
        for layer, found in zip(layers, times, strict=True):
            milliseconds = forward_and_backward(layer, frames, inside)
            if run > 0:  # the first only warms up
                found.append(milliseconds)
    torch.testing.assert_close(packed(frames)[inside], ours(frames, num_frames)[inside], rtol=0, atol=1e-4)
    return statistics.median(times[0]), statistics.median(times[1])


def packed_peer(ours: Bidirectional) -> nn.LSTM:
    """torch's bidirectional LSTM with the same weights."""
    peer = nn.LSTM(ours.forward_cell.input_size, ours.forward_cell.hidden_size, batch_first=True, bidirectional=True)
    back = {f"{name}_reverse": weights for name, weights in ours.backward_cell.state_dict().items()}
    peer.load_state_dict(ours.forward_cell.state_dict() | back)
    return peer


def forward_and_backward(layer: Layer, frames: Tensor, inside: Tensor) -> float:
    """Milliseconds, with the gradients of the input and of all weights."""
    frames.grad = None
    started = time.perf_counter()
    loss = layer(frames)[inside].sum()
    loss.backward()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
