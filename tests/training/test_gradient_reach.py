"""Gradients by time lag, against a recurrence whose gradients are known."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from asr.html.elements import Html
from asr.pictures import gradient_reach_figure
from asr.recognizer import Recognizer
from asr.reporting.report import write_report
from asr.reporting.sections import reach
from asr.reporting.svg import as_svg
from asr.training.diagnosis.gradient_reach import MAX_LAG, GradientReach, measure_gradient_reach, norms_by_lag, reach_of
from asr.training.train import train
from tests.support.small_training import settings_for
from tests.support.tones import random_texts, write_corpus


@pytest.mark.parametrize("factor", [0.9, -0.5, 1.1])
def test_of_a_linear_recurrence_the_norm_is_a_power_of_its_factor(factor: float) -> None:
    def score(inputs: torch.Tensor) -> torch.Tensor:
        state, states = torch.zeros(3, dtype=inputs.dtype), []
        for frame in inputs:
            state = factor * state + frame
            states.append(state.sum())
        return torch.stack(states)

    past, future = norms_by_lag(score, torch.randn(30, 3, dtype=torch.float64), [5, 20])
    for row, place in enumerate((5, 20)):
        expected = torch.tensor([3**0.5 * abs(factor) ** lag for lag in range(place + 1)])
        torch.testing.assert_close(past[row, : place + 1], expected, rtol=1e-5, atol=0)
        assert past[row, place + 1 :].isnan().all()
        assert float(future[row, 0]) == pytest.approx(3**0.5)
        assert (future[row, 1 : 30 - place] == 0).all()
        assert future[row, 30 - place :].isnan().all()
    assert past.shape == (2, MAX_LAG + 1)


def test_how_far_a_gradient_reaches() -> None:
    assert reach_of([1.0, 0.5, 0.02, 0.009, 0.5]) == 3
    assert reach_of([1.0, 0.5, 0.0]) == 2
    assert reach_of([1.0, 0.5]) is None
    assert reach_of([]) is None


@pytest.mark.parametrize(
    ("norms", "words"),
    [
        ((1.0, 0.5, 0.009), "falls to a hundredth within 0.08 s"),
        (
            (1.0, 0.5, 0.25),
            "does not fall to a hundredth within the 0.08 s that were measured (25.00 % are left there)",
        ),
        ((1.0, 0.5, 0.0), "falls to a hundredth within 0.08 s"),
        ((0.0, 0.0), "is zero already at the frame itself"),
        ((), "is zero already at the frame itself"),
    ],
)
def test_the_report_says_that_a_gradient_falls_only_where_it_does(norms: tuple[float, ...], words: str) -> None:
    section = reach(GradientReach((1.0, 0.001), norms, 0.04), Html(""), "").replace("\u00a0", " ")
    assert "Into the past it falls to a hundredth within 0.04 s; " in section
    assert f"into the future it {words}. " in section
    drawing = ElementTree.fromstring(
        as_svg(gradient_reach_figure((1.0, 0.001), norms, seconds_per_frame=0.04), name="lag")
    )
    assert "Gradient by time lag" in "".join(drawing.itertext())


def test_a_network_that_looks_both_ways_has_gradients_both_ways(model_folder: Path) -> None:
    recognizer = Recognizer.load(model_folder)
    waveform = 0.1 * torch.randn(32_000, generator=torch.Generator().manual_seed(0))
    lag = measure_gradient_reach(recognizer, [waveform, waveform[:16_000]])
    assert lag.seconds_per_frame == recognizer.model.seconds_per_frame
    for norms in (lag.past, lag.future):
        assert 5 < len(norms) <= MAX_LAG + 1
        assert norms[0] > norms[5] > 0
    assert lag.past[0] == pytest.approx(lag.future[0])
    with torch.no_grad():
        for layer in recognizer.model.layers:
            for weights in layer.body.backward_cell.parameters():
                weights.zero_()
    blind = measure_gradient_reach(recognizer, [waveform])
    assert blind.future[0] > 0
    assert not any(blind.future[1:])  # without the backward LSTM nothing comes from the future
    assert len(blind.past) > 5


def test_the_report_shows_it_or_says_why_not(tmp_path: Path) -> None:
    write_corpus(tmp_path, "train", random_texts(8, seed=1), seed=1)
    write_corpus(tmp_path, "dev", random_texts(3, seed=2), seed=2)
    train(settings_for(tmp_path, tmp_path, max_epochs=1), tmp_path / "run")
    page = write_report(tmp_path / "run").read_text()
    assert "How far the network looks" in page
    assert "Gradient by time lag" in page
    assert (tmp_path / "run" / "report" / "gradient_by_lag.png").read_bytes().startswith(b"\x89PNG")
    for path in (tmp_path / "dev").iterdir():
        path.unlink()
    page = write_report(tmp_path / "run").read_text()
    assert "Not measured: " in page
    assert "no such file" in page
