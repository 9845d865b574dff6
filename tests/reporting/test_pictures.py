"""Pictures that can be read: measured on the pixels that come out."""

import io
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib import colormaps

from asr.pictures import ErrorSurface, _readable_on, save_sound_picture, save_tuning_picture


def pixels(path: Path) -> np.ndarray:
    return (matplotlib.image.imread(io.BytesIO(path.read_bytes()), format="png")[:, :, :3] * 255).round()


def upper_panel(picture: np.ndarray) -> np.ndarray:
    """What is between the first two long dark lines, which are its frame."""
    lines = np.flatnonzero((picture.sum(axis=2) < 400).mean(axis=1) > 0.5)
    return picture[lines[0] : lines[lines > lines[0] + 20][0] + 1]


def waveform_rows(panel: np.ndarray) -> np.ndarray:
    """The rows that have blue in them."""
    return np.flatnonzero((panel[:, :, 2] - panel[:, :, 0] > 40).any(axis=1))


@pytest.mark.parametrize("peak", [0.002, 0.05, 0.31, 1.0, 3.0, 20_000.0])
def test_a_waveform_of_any_level_is_seen_whole(tmp_path: Path, peak: float) -> None:
    seconds = torch.arange(16_000) / 16_000
    waveform = peak * torch.sin(2 * torch.pi * 5 * seconds)  # slow, so that its line goes up and down alone
    save_sound_picture(tmp_path / "a.png", waveform, title="")
    panel = upper_panel(pixels(tmp_path / "a.png"))
    rows = waveform_rows(panel)
    assert (rows[-1] - rows[0]) / len(panel) > 0.25
    assert 2 < rows[0] < rows[-1] < len(panel) - 3 or peak == 1.0  # at full scale, the wave touches the frame


def test_silence_is_drawn(tmp_path: Path) -> None:
    save_sound_picture(tmp_path / "a.png", torch.zeros(16_000), title="")
    assert 0 < len(waveform_rows(upper_panel(pixels(tmp_path / "a.png")))) < 5


def test_numbers_are_written_in_the_colour_with_more_contrast() -> None:
    assert [_readable_on(color) for color in ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 0.0, 1.0))] == [
        "black", "white", "black", "white",
    ]  # fmt: skip
    # 4.5 to 1 is what WCAG 2 asks of text; with one of black and white, each colour can have it.
    for color in colormaps["viridis_r"](np.linspace(0, 1, 101)):
        channels = np.where(color[:3] <= 0.04045, color[:3] / 12.92, ((color[:3] + 0.055) / 1.055) ** 2.4)
        luminance = channels @ [0.2126, 0.7152, 0.0722]
        text = {"black": 0.0, "white": 1.0}[_readable_on(color.tolist())]
        low, high = sorted([luminance, text])
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_a_picture_of_tuning_is_written_also_where_all_rates_are_equal(tmp_path: Path) -> None:
    surface = ErrorSurface("grid", [0.1, 0.2], [0.0, 1.0, 2.0], np.full((2, 3), 100.0), (1, 2))
    save_tuning_picture(tmp_path / "a.png", [surface, surface], {16: 100.0, 32: 100.0}, without=100.0)
    picture = pixels(tmp_path / "a.png")
    assert picture.shape[1] >= 1600
    assert (np.abs(picture - (0xD4, 0, 0)).sum(axis=2) < 30).any()  # the frame of what was taken
