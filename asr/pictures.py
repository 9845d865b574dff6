"""Pictures of sound and of training, as PNG and SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from torch import Tensor

from asr.audio import SAMPLE_RATE
from asr.features import LogMel
from asr.files import atomic_path
from asr.model_settings import FeatureSettings
from asr.transcript import Word

LINES = (("#2f7fd1", "-"), ("#d9730d", "--"))  # readable on white, on black, and without colours


@dataclass(frozen=True, slots=True)
class EpochCurves:
    """Lines over the epochs of a training, by name; NaN where an epoch has no such number.

    `band`: lower and upper bounds of the first line.
    """

    title: str
    label: str
    lines: Mapping[str, Sequence[float]]
    band: tuple[Sequence[float], Sequence[float]] | None = None
    log_scale: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ErrorSurface:
    """Word error rates in per cent, (alphas, betas)."""

    title: str
    alphas: Sequence[float]
    betas: Sequence[float]
    rates: Float[np.ndarray, "alphas betas"]
    chosen: tuple[int, int] | None  # row and column of the chosen weights


def save_sound_picture(
    path: Path, waveform: Float[Tensor, "samples"], *, title: str, words: Sequence[Word] = ()
) -> None:
    """Waveform above log-mel spectrogram, with the words at their times. The axis fits the peak of a waveform that is
    quiet or exceeds full scale.

    Raises:
        OutputError: the picture cannot be written.
    """
    duration = len(waveform) / SAMPLE_RATE
    figure = Figure(figsize=(min(24.0, max(9.0, 2.2 * duration)), 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3])
    above.plot(np.arange(len(waveform)) / SAMPLE_RATE, waveform.numpy(), linewidth=0.4, color="#1f4e79")
    limit = _amplitude_limit(float(waveform.abs().max()))
    above.set(ylim=(-limit, limit), ylabel="amplitude, of 1", title=title)
    _spectrogram(below, waveform, duration)
    for word in words:
        for axes in (above, below):
            axes.axvspan(word.start, word.end, facecolor="#ffb000", alpha=0.16 if axes is above else 0.0)
        below.vlines([word.start, word.end], 0, 80, color="white", linewidth=0.8, alpha=0.8)
        below.text(
            (word.start + word.end) / 2, 82, word.text, ha="center", va="bottom", fontsize=9, rotation=0, clip_on=False
        )
    _write(figure, path)


def save_learning_curve(
    path: Path, epochs: Sequence[int], losses: EpochCurves, errors: EpochCurves, *, best: tuple[int, float]
) -> None:
    """Losses beside error rates in per cent; `best`: the epoch and error rate to mark.

    Raises:
        OutputError: the picture cannot be written.
    """
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_curves(left, epochs, losses)
    _draw_curves(right, epochs, errors)
    right.annotate(
        f"{best[1]:.1f} %",
        best,
        xytext=(0, 14),
        textcoords="offset points",
        ha="center",
        arrowprops={"arrowstyle": "->"},
    )
    _write(figure, path)


def curves_figure(epochs: Sequence[int], curves: EpochCurves, *, best: int | None) -> Figure:
    """A small figure without background, for a page that may be dark; a triangle marks the epoch `best`."""
    figure = Figure(figsize=(4.8, 3.0), layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.set_facecolor("none")
    _draw_curves(axes, epochs, curves)
    if best is not None:
        axes.plot(best, 0, marker="^", markersize=8, color="black", transform=axes.get_xaxis_transform(), clip_on=False)
    return figure


def gradient_reach_figure(past: Sequence[float], future: Sequence[float], *, seconds_per_frame: float) -> Figure:
    """A small figure without background: norms of a gradient by time lag, in both directions."""
    figure = Figure(figsize=(4.8, 3.0), layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.set_facecolor("none")
    for (color, style), norms, name in zip(LINES, (past, future), ("past", "future"), strict=True):
        seconds = [lag * seconds_per_frame for lag in range(len(norms))]
        axes.plot(seconds, norms, color=color, linestyle=style, label=name)
    axes.set_yscale("log")
    axes.set_title("Gradient by time lag")
    axes.set_xlabel("seconds from the frame")
    axes.set_ylabel("norm at the input of the stack")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def save_figure(path: Path, figure: Figure) -> None:
    """As PNG, on white.

    Raises:
        OutputError: the picture cannot be written.
    """
    _write(figure, path)


def save_tuning_picture(
    path: Path, surfaces: Sequence[ErrorSurface], widths: Mapping[int, float], *, without: float
) -> None:
    """Word error rates on dev, in per cent: over the weights of the language model, and by width of the beam.

    `without` is the rate without the language model.

    Raises:
        OutputError: the picture cannot be written.
    """
    figure = Figure(figsize=(16, 6.4), layout="constrained")
    *places, right = figure.subplots(1, len(surfaces) + 1, width_ratios=[1.3] * len(surfaces) + [1])
    least = min(float(surface.rates.min()) for surface in surfaces)
    for axes, surface in zip(places, surfaces, strict=True):
        _draw_surface(axes, surface, least=least, most=max(1.5 * least, without))
    _draw_widths(right, widths)
    figure.suptitle(f"Word error rate on dev, %: {without:.1f} without language model; framed: the chosen weights")
    _write(figure, path)


def _draw_surface(axes: Axes, surface: ErrorSurface, *, least: float, most: float) -> None:
    image = axes.imshow(surface.rates, origin="lower", aspect="auto", cmap="viridis_r", vmin=least, vmax=most)
    for place, rate in np.ndenumerate(surface.rates):
        row, column = place
        weight = "bold" if place == surface.chosen else "normal"
        color = _readable_on(tuple(image.to_rgba(rate)))
        axes.text(column, row, f"{rate:.1f}", ha="center", va="center", fontsize=11, color=color, weight=weight)
    if surface.chosen is not None:
        row, column = surface.chosen
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#d40000", linewidth=3))
    axes.set_yticks(range(len(surface.alphas)), [f"{alpha:.2g}" for alpha in surface.alphas])
    axes.set_xticks(range(len(surface.betas)), [f"{beta:.2g}" for beta in surface.betas])
    axes.set(xlabel="beta: bonus of a word", ylabel="alpha: weight of the language model", title=surface.title)


def _draw_widths(axes: Axes, widths: Mapping[int, float]) -> None:
    """The axis shows the differences between widths, which would vanish if it included zero or the rate without LM."""
    axes.plot(list(widths), list(widths.values()), marker="o")
    for width, rate in widths.items():
        axes.annotate(f"{rate:.1f}", (width, rate), xytext=(5, 6), textcoords="offset points", fontsize=11)
    middle, spread = (max(widths.values()) + min(widths.values())) / 2, max(widths.values()) - min(widths.values())
    half = max(0.8 * spread, 0.5)
    limits = (middle - half, middle + half)
    axes.set(
        xscale="log", ylim=limits, xlabel="prefixes in the beam", ylabel="word errors, %", title="width of the beam"
    )
    axes.set_xticks(list(widths), [str(width) for width in widths])
    axes.minorticks_off()
    axes.margins(x=0.1)
    axes.grid(alpha=0.3)


def _readable_on(color: Sequence[float]) -> str:
    """Black or white, whichever has more contrast to a colour (red, green, blue, ..., from 0 to 1; WCAG 2)."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in color[:3]]
    luminance = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"


def _amplitude_limit(peak: float) -> float:
    """The limit of a waveform's axis: full scale, unless that would flatten the waveform to a line, or cut it off."""
    return 1.0 if peak == 0 or 0.3 <= peak <= 1 else 1.1 * peak


def _spectrogram(axes: Axes, waveform: Float[Tensor, "samples"], duration: float) -> None:
    settings = FeatureSettings()
    decibels = LogMel(settings, SAMPLE_RATE).log_mel(waveform[None])[0].T.numpy() * 10 / np.log(10)
    top = float(decibels.max())
    axes.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        extent=(0, duration, 0, settings.num_mels),
        vmin=top - 70,
        vmax=top,
        cmap="magma",
    )
    frequencies = np.array([250, 500, 1000, 2000, 4000, 7000])
    axes.set_yticks(_mel_band(frequencies, settings), [str(f) for f in frequencies])
    axes.set(xlabel="time, s", ylabel="frequency, Hz")


def _mel_band(frequencies: Any, settings: FeatureSettings) -> Any:
    """The band number, with fractions, that a frequency in Hz falls on (HTK mel scale)."""
    low, high, mel = (
        2595 * np.log10(1 + np.asarray(f) / 700) for f in (settings.min_frequency, settings.max_frequency, frequencies)
    )
    return (mel - low) / (high - low) * settings.num_mels


def _draw_curves(axes: Axes, epochs: Sequence[int], curves: EpochCurves) -> None:
    marker = "o" if len(epochs) == 1 else None
    for (color, style), (name, values) in zip(LINES, curves.lines.items(), strict=False):
        axes.plot(epochs, values, label=name, color=color, linestyle=style, marker=marker)
    if curves.band is not None:
        axes.fill_between(epochs, *curves.band, color=LINES[0][0], alpha=0.15, linewidth=0)
    axes.set(xlabel="epoch", ylabel=curves.label, title=curves.title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if curves.log_scale and any(value > 0 for values in curves.lines.values() for value in values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(0, None)
    axes.grid(alpha=0.3)
    if len(curves.lines) > 1:
        axes.legend(framealpha=0.0)


def _write(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png", facecolor="white")
