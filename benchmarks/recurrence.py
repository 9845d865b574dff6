"""Time of a training step of every family on the CPU, against this project's LSTM.

    python benchmarks/recurrence.py [--quick] [--plain] [--cells 512] [KIND ...]

One layer in one direction, forward and backward, with the gradients of the input and of all weights; the input is as
wide as the output. Each family at as many cells as the LSTM, and at as many weights as it has (rounded to whole cells).
In each run the LSTM goes first, and medians are compared, so that what else the machine does falls on both. Prints a
Markdown table: how many times as fast as the LSTM. With --plain, instead: how many times as fast as a plain torch loop
over the equations (`plain_recurrences.py`), which takes turns with it and has to give the same. The last line says the
same for machines. OMP_NUM_THREADS sets the number of threads.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import get_args

import torch
from plain_recurrences import run_plain
from pydantic import TypeAdapter
from torch import Tensor

from asr.recurrent.families import make_recurrence
from asr.recurrent.recurrence import Recurrence
from asr.recurrent.settings import LSTMSettings, RecurrenceSettings

BATCH, FRAMES = 2, 1000
KINDS = [get_args(each.model_fields["kind"].annotation)[0] for each in get_args(get_args(RecurrenceSettings)[0])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="all if none is named")
    parser.add_argument("--quick", action="store_true", help="3 runs of each instead of 9")
    parser.add_argument("--plain", action="store_true", help="compare with a loop of torch operations, not the LSTM")
    parser.add_argument("--cells", type=int, default=512)
    parser.add_argument("--batch", type=int, default=BATCH)
    options = parser.parse_args()
    num_runs = 3 if options.quick else 9
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.batch} x {FRAMES} frames,")
    if options.plain:
        compare_with_plain_loops(options.kinds or KINDS, options.cells, options.batch, num_runs)
        return
    print(f"medians of {num_runs} runs; times as fast as an LSTM of {options.cells} cells\n")
    print("| kind | equal cells | cells at equal weights | equal weights |\n|---|---|---|---|")
    found = []
    for kind in options.kinds or KINDS:
        settings: RecurrenceSettings = TypeAdapter(RecurrenceSettings).validate_python({"kind": kind})
        larger = cells_of_equal_weights(settings, options.cells)
        at_cells = compare(settings, options.cells, options.cells, options.batch, num_runs)
        at_weights = at_cells
        if larger != options.cells:
            at_weights = compare(settings, larger, options.cells, options.batch, num_runs)
        print(f"| {kind} | {at_cells:.2f} | {larger} | {at_weights:.2f} |", flush=True)
        found += [f"{kind}_cells={at_cells:.2f}", f"{kind}_weights={at_weights:.2f}"]
    print("\n" + " ".join(found))


def compare_with_plain_loops(kinds: Sequence[str], cells: int, batch: int, num_runs: int) -> None:
    """Prints a row of a table for each kind."""
    print(f"medians of {num_runs} runs, {cells} cells\n\n| kind | seconds | plain loop | ratio |\n|---|---|---|---|")
    found = []
    for kind in kinds:
        torch.manual_seed(0)
        layer = make_recurrence(TypeAdapter(RecurrenceSettings).validate_python({"kind": kind}), cells, cells)
        layer.initialise()
        frames = torch.randn(batch, FRAMES, cells, requires_grad=True)
        runs = (lambda x, own=layer: own(x)[0], lambda x, own=layer, name=kind: run_plain(name, own, x))
        torch.testing.assert_close(*(run(frames) for run in runs), rtol=0, atol=1e-4)
        times = [[timed(run, layer, frames) for run in runs] for _ in range(1 + num_runs)][1:]  # the first warms up
        ours, plain = (statistics.median(each) for each in zip(*times, strict=True))
        print(f"| {kind} | {ours:.3f} | {plain:.3f} | {plain / ours:.2f} |", flush=True)
        found.append(f"{kind}_plain={plain / ours:.2f}")
    print("\n" + " ".join(found))


def cells_of_equal_weights(settings: RecurrenceSettings, cells: int) -> int:
    """As many as give the family the weights of an LSTM of `cells` cells."""
    if settings.num_weights(cells, cells) == 0:  # nothing of it is trained
        return cells
    wanted = LSTMSettings().num_weights(cells, cells)
    return min(range(1, 8 * cells), key=lambda own: abs(settings.num_weights(own, own) - wanted))


def compare(settings: RecurrenceSettings, cells: int, lstm_cells: int, batch: int, num_runs: int) -> float:
    """How many times as fast as the LSTM."""
    torch.manual_seed(0)
    layers = [make_recurrence(LSTMSettings(), lstm_cells, lstm_cells), make_recurrence(settings, cells, cells)]
    inputs = [torch.randn(batch, FRAMES, width, requires_grad=True) for width in (lstm_cells, cells)]
    times: list[list[float]] = [[], []]
    for layer in layers:
        layer.initialise()
    for run in range(2 + num_runs):
        for layer, frames, own in zip(layers, inputs, times, strict=True):
            seconds = step(layer, frames)
            if run > 1:  # the first compile and allocate
                own.append(seconds)
    return statistics.median(times[0]) / statistics.median(times[1])


def step(layer: Recurrence, frames: Tensor) -> float:
    """Seconds of forward and backward."""
    return timed(lambda x: layer(x)[0], layer, frames)


def timed(run: Callable[[Tensor], Tensor], layer: Recurrence, frames: Tensor) -> float:
    """The same of any function of the frames and the weights of a layer."""
    layer.zero_grad()
    frames.grad = None
    started = time.perf_counter()
    run(frames).square().sum().backward()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
