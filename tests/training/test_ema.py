"""The average of the weights, computed by hand."""

import pytest
import torch

from asr.training.ema import WeightAverage


def test_weight_average_follows_the_formula() -> None:
    source = torch.nn.Linear(1, 1, bias=False)
    values, expected = [0.3, -1.0, 2.5, 0.7], float(source.weight.detach())
    average = WeightAverage(source, decay=0.2)
    for step, value in enumerate(values, start=1):
        source.weight.data.fill_(value)
        average.update(source, step)
        decay = min(0.2, step / (step + 10))
        expected = decay * expected + (1 - decay) * value
    assert float(average.model.weight) == pytest.approx(expected, rel=1e-6)
