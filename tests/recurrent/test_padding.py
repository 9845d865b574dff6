"""Every family in both directions: utterances of several lengths in one batch, against each alone."""

import pytest
import torch
from torch import Tensor

from asr.recurrent.bidirectional import Bidirectional
from tests.support.recurrences import FAMILIES, random_cell

INPUTS, CELLS = 5, 4
LENGTHS = [7, 3, 1, 7, 2]


@pytest.fixture(params=FAMILIES)
def layer(request: pytest.FixtureRequest) -> Bidirectional:
    return Bidirectional(*(random_cell(str(request.param), INPUTS, CELLS, seed) for seed in (1, 2)))


def alone(layer: Bidirectional, utterance: Tensor) -> Tensor:
    """Outputs (frames, outputs) of an utterance (frames, inputs): each direction by itself, the second turned."""
    ahead = layer.forward_cell(utterance[None])[0][0]
    back = layer.backward_cell(utterance.flip(0)[None])[0][0].flip(0)
    return torch.cat([ahead, back], dim=1)


def test_outputs_and_all_gradients_are_those_of_each_utterance_alone(layer: Bidirectional) -> None:
    frames = torch.randn(len(LENGTHS), max(LENGTHS), INPUTS, dtype=torch.float64)
    weights = torch.randn(len(LENGTHS), max(LENGTHS), layer.output_size, dtype=torch.float64)
    inside = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    together = frames.masked_fill(~inside[:, :, None], 1e3).requires_grad_()
    outputs = layer(together, torch.tensor(LENGTHS))
    frames.requires_grad_()
    expected = [alone(layer, utterance[:n]) for utterance, n in zip(frames, LENGTHS, strict=True)]
    for found, wanted, n in zip(outputs, expected, LENGTHS, strict=True):
        torch.testing.assert_close(found[:n], wanted, rtol=0, atol=1e-12)
    total = torch.stack([(own * w[: len(own)]).sum() for own, w in zip(expected, weights, strict=True)]).sum()
    parameters = list(layer.parameters())
    theirs = torch.autograd.grad(total, [frames, *parameters])
    ours = torch.autograd.grad((outputs * weights)[inside].sum(), [together, *parameters])
    for found, wanted in zip(ours, theirs, strict=True):
        assert wanted.abs().max() > 0
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-11)
    assert (ours[0][~inside] == 0).all()
