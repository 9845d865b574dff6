"""Pictures of sound and of training, as PNG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from asr.audio import SAMPLE_RATE
from asr.features import FeatureSettings, LogMel
from asr.files import atomic_path
from asr.transcript import Word


@dataclass(frozen=True, slots=True, eq=False)
class ErrorSurface:
    """Word error rates in per cent, (alphas, betas)."""

    title: str
    alphas: Sequence[float]
    betas: Sequence[float]
    rates: Float[np.ndarray, "alphas betas"]


def save_sound_picture(
    path: Path, waveform: Float[Tensor, "samples"], *, title: str, words: Sequence[Word] = ()
) -> None:
    """Waveform above log-mel spectrogram, with the words at their times.

    Raises:
        OutputError: the picture can not be written.
    """
    duration = len(waveform) / SAMPLE_RATE
    figure = Figure(figsize=(min(24.0, max(9.0, 2.2 * duration)), 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3])
    above.plot(np.arange(len(waveform)) / SAMPLE_RATE, waveform.numpy(), linewidth=0.4, color="#1f4e79")
    above.set(ylim=(-1, 1), ylabel="amplitude", title=title)
    _spectrogram(below, waveform, duration)
    for word in words:
        for axes in (above, below):
            axes.axvspan(word.start, word.end, facecolor="#ffb000", alpha=0.16 if axes is above else 0.0)
        below.vlines([word.start, word.end], 0, 80, color="white", linewidth=0.8, alpha=0.8)
        below.text(
            (word.start + word.end) / 2, 82, word.text, ha="center", va="bottom", fontsize=9, rotation=0, clip_on=False
        )
    _write(figure, path)


def save_learning_curve(path: Path, metrics: Sequence[dict[str, Any]], *, title: str) -> None:
    """Loss on train and dev, and dev error rates, by epoch; `metrics` as read from `metrics.jsonl`.

    Raises:
        OutputError: the picture can not be written.
    """
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    losses, errors = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in metrics]
    marker = "o" if len(epochs) == 1 else None
    for key, name in (("train_loss", "train (augmented)"), ("dev_loss", "dev")):
        losses.plot(epochs, [record[key] for record in metrics], label=name, marker=marker)
    for key, name in (("dev_wer", "words"), ("dev_cer", "characters")):
        errors.plot(epochs, [100 * record[key] for record in metrics], label=name, marker=marker)
    best = min(metrics, key=lambda record: record["dev_wer"])
    errors.annotate(
        f"{100 * best['dev_wer']:.1f} %",
        (best["epoch"], 100 * best["dev_wer"]),
        xytext=(0, 14),
        textcoords="offset points",
        ha="center",
        arrowprops={"arrowstyle": "->"},
    )
    losses.set(xlabel="epoch", ylabel="CTC loss per token", yscale="log", title=title)
    errors.set(xlabel="epoch", ylabel="error rate on dev, %", ylim=(0, None), title="dev error rate")
    for axes in (losses, errors):
        axes.grid(alpha=0.3)
        axes.legend()
    _write(figure, path)


def save_tuning_picture(
    path: Path, surfaces: Sequence[ErrorSurface], widths: Mapping[int, float], *, without: float
) -> None:
    """Word error rates on dev, in per cent: over the weights of the language model, and by width of the beam.

    `without` is the rate without the language model.

    Raises:
        OutputError: the picture can not be written.
    """
    figure = Figure(figsize=(13, 4.4), layout="constrained")
    *places, right = figure.subplots(1, len(surfaces) + 1, width_ratios=[1.2] * len(surfaces) + [1])
    least = min(float(surface.rates.min()) for surface in surfaces)
    for axes, surface in zip(places, surfaces, strict=True):
        axes.imshow(
            surface.rates, origin="lower", aspect="auto", cmap="viridis_r", vmin=least, vmax=max(1.5 * least, without)
        )
        for (row, column), rate in np.ndenumerate(surface.rates):
            axes.text(column, row, f"{rate:.1f}", ha="center", va="center", fontsize=8, color="white")
        axes.set_yticks(range(len(surface.alphas)), [f"{alpha:.2f}" for alpha in surface.alphas])
        axes.set_xticks(range(len(surface.betas)), [f"{beta:.2f}" for beta in surface.betas])
        axes.set(xlabel="beta: bonus of a word", ylabel="alpha: weight of the language model", title=surface.title)
    right.plot(list(widths), list(widths.values()), marker="o", label="with language model")
    right.axhline(without, linestyle=":", color="gray", label="without")
    right.set(xscale="log", ylim=(0, None), xlabel="width of the beam", ylabel="word errors on dev, %", title="beam")
    right.set_xticks(list(widths), [str(width) for width in widths])
    right.minorticks_off()
    right.grid(alpha=0.3)
    right.legend()
    _write(figure, path)


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


def _write(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
