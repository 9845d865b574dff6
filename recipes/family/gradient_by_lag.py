"""How far back in time gradients reach in each family, at the start and after a training that needs them to.

    python -m recipes.family.gradient_by_lag

Writes docs/gradient-by-lag.md and its picture, in some minutes on one CPU core.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import TypeAdapter
from torch import Tensor, nn

from asr.files import write_text
from asr.pictures import save_figure
from asr.recurrent.families import make_recurrence
from asr.recurrent.recurrence import Recurrence
from asr.recurrent.settings import RecurrenceSettings
from asr.training.diagnosis.gradient_reach import MAX_LAG, geometric_mean, norms_by_lag, reach_of

PAGE, PICTURE = Path("docs/gradient-by-lag.md"), Path("docs/assets/gradient-by-lag.png")
FAMILIES = {
    "feeding back": ("elman", "jordan", "fully_recurrent", "lstm", "lstm_variant", "gru", "ligru", "echo_state"),
    "parallel over time": ("mingru", "minlstm", "rglru", "hgrn", "sru", "qrnn"),
}
CELLS, INPUTS = 64, 8
BATCH, FRAMES, STEPS, LEARNING_RATE, LARGEST_NORM = 8, 120, 200, 1e-2, 1.0
MARK_SHARE = 0.02  # of the frames carry something to remember: 50 frames from one to the next
NUM_UTTERANCES, PLACES = 4, range(MAX_LAG + 10, MAX_LAG + 60, 10)

_INTRODUCTION = """# Gradients by time lag

Written by `python -m recipes.family.gradient_by_lag`.

Where the gradient of an output with respect to an input frame is nothing, nothing is learnt from that frame: the
vanishing gradient (Hochreiter 1991; Bengio et al. 1994). It is measured here for each recurrence: the norm of the
gradient of the sum of all outputs at a frame, with respect to the input {MAX_LAG} and fewer frames before, relative
to that at lag 0; geometric means over {places} frames of {utterances} random sequences, {cells} cells, one layer, one
direction.

![Norm of the gradient by time lag](assets/gradient-by-lag.png)

Left as each is drawn for a training; right after {steps} steps of a task that cannot be done without memory: one
frame in {gap} carries a sign and a mark, all else is noise, and at each frame the sign of the last marked frame is
wanted. Gradients are clipped to norm {norm:g} (Pascanu et al. 2013), with Adam, learning rate {rate:g} for all: it is
a picture, not a comparison of each one at its best. Of the echo state network only the read-out learns, so both are
one. Some of the random frames look like marked ones, and what a network then forgets on purpose counts as forgotten:
a trained LSTM seems to remember less than a fresh one.

Reach: the lag, in frames, from which on the norm is below a hundredth of that at lag 0, or "over {MAX_LAG}". Right:
share of frames whose sign is told at the end; a coin has 0.5.

| family | reach at the start | reach after training | right |
|---|---|---|---|
"""


def main() -> None:
    curves: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
    rows = []
    for kind in (kind for kinds in FAMILIES.values() for kind in kinds):
        torch.manual_seed(0)
        settings: RecurrenceSettings = TypeAdapter(RecurrenceSettings).validate_python({"kind": kind})
        cell = make_recurrence(settings, INPUTS, CELLS)
        cell.initialise()
        before = gradient_by_lag(cell)
        share = train_to_remember(cell)
        curves[kind] = before, gradient_by_lag(cell)
        reaches = [reach_of(curve) for curve in curves[kind]]
        words = [f"over {MAX_LAG}" if reach is None else str(reach) for reach in reaches]
        rows.append(f"| {kind} | {words[0]} | {words[1]} | {share:.2f} |")
        print(rows[-1], flush=True)
    save_figure(PICTURE, draw(curves))
    write_text(PAGE, _introduction() + "\n".join(rows) + "\n")


def gradient_by_lag(cell: Recurrence) -> tuple[float, ...]:
    """Norms by lag, relative to that at lag 0."""
    torch.manual_seed(1)
    measured = []
    for _ in range(NUM_UTTERANCES):
        frames = torch.randn(max(PLACES) + 1, INPUTS)
        past, _ = norms_by_lag(lambda rows: cell(rows[None])[0][0].sum(dim=1), frames, list(PLACES))
        measured.append(past)
    norms = geometric_mean(measured)
    return tuple(norm / norms[0] for norm in norms)


def train_to_remember(cell: Recurrence) -> float:
    """Trains it with a read-out; the share of frames that are right in the last tenth of the steps."""
    readout = nn.Linear(CELLS, 1)
    weights = [*cell.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(weights, lr=LEARNING_RATE)
    right = []
    for _ in range(STEPS):
        frames, wanted = draw_task()
        scores = readout(cell(frames)[0])[:, :, 0]
        loss = nn.functional.softplus(-scores * wanted)[wanted != 0].mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, LARGEST_NORM)
        optimizer.step()
        right.append(float((scores * wanted > 0)[wanted != 0].float().mean()))
    last = right[-STEPS // 10 :]
    return sum(last) / len(last)


def draw_task() -> tuple[Float[Tensor, "batch frames inputs"], Float[Tensor, "batch frames"]]:
    """Noise with marked frames, and the sign of the last marked one: 0 before the first."""
    frames = 0.5 * torch.randn(BATCH, FRAMES, INPUTS)
    marked = torch.rand(BATCH, FRAMES) < MARK_SHARE
    marked[:, :5] |= torch.rand(BATCH, 5) < 0.2
    signs = torch.randn(BATCH, FRAMES).sign()
    frames[:, :, 0] = 2.0 * signs * marked
    frames[:, :, 1] = 2.0 * marked
    last = torch.where(marked, torch.arange(FRAMES), -1).cummax(dim=1).values
    wanted = signs.gather(1, last.clamp(min=0)) * (last >= 0)
    return frames, wanted


def draw(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """A row of panels for each group of families: at the start, and after training."""
    figure = Figure(figsize=(10, 7.5), layout="constrained")
    panels = figure.subplots(len(FAMILIES), 2, sharex=True, sharey=True)
    for row, (group, kinds) in zip(panels, FAMILIES.items(), strict=True):
        for place, (axes, when) in enumerate(zip(row, ("at the start", "after training"), strict=True)):
            _draw_panel(axes, {kind: curves[kind][place] for kind in kinds})
            axes.set_title(f"{group}, {when}")
        row[0].set_ylabel("norm, relative to lag 0")
        row[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    for axes in panels[-1]:
        axes.set_xlabel("frames before")
    return figure


def _draw_panel(axes: Axes, curves: Mapping[str, Sequence[float]]) -> None:
    for number, (kind, norms) in enumerate(curves.items()):
        axes.plot(norms, color=f"C{number}", linestyle=("-", "--", ":", "-.")[number % 4], label=kind)
    axes.axhline(0.01, color="gray", linewidth=0.5)
    axes.set_yscale("log")
    axes.set_ylim(1e-8, 1e2)
    axes.set_xlim(0, MAX_LAG)
    axes.spines[["top", "right"]].set_visible(False)


def _introduction() -> str:
    return _INTRODUCTION.format(
        MAX_LAG=MAX_LAG,
        places=len(PLACES),
        utterances=NUM_UTTERANCES,
        cells=CELLS,
        steps=STEPS,
        gap=round(1 / MARK_SHARE),
        norm=LARGEST_NORM,
        rate=LEARNING_RATE,
    )


if __name__ == "__main__":
    main()
