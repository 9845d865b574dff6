"""Recurrences in both directions, against torch's own on packed sequences; the same for every family."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from asr.model import AcousticModel
from asr.recurrent.bidirectional import Bidirectional, permute_frames, reversal, truncate_backprop
from asr.recurrent.families import make_bidirectional
from asr.recurrent.settings import GRUSettings, LSTMSettings, RecurrenceSettings
from asr.training.distributed import World
from asr.training.step import Stepper
from tests.support.small_training import settings_for

INPUTS, CELLS = 5, 4
LENGTHS = [[7, 3, 1, 7, 2], [1], [1, 1, 1], [6], [2, 9]]  # not sorted, ones, all equal
FAMILIES: dict[str, tuple[RecurrenceSettings, type[nn.LSTM] | type[nn.GRU]]] = {
    "lstm": (LSTMSettings(), nn.LSTM),
    "gru": (GRUSettings(kind="gru"), nn.GRU),
}


def make(kind: str) -> Bidirectional:
    torch.manual_seed(1)
    return make_bidirectional(FAMILIES[kind][0], INPUTS, CELLS).double()


@pytest.fixture(params=FAMILIES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def layer(kind: str) -> Bidirectional:
    return make(kind)


def peer_of(kind: str, layer: Bidirectional) -> tuple[nn.RNNBase, dict[str, str]]:
    """torch's own in both directions with the weights of `layer`, and the name there of each of our weights."""
    peer = FAMILIES[kind][1](INPUTS, CELLS, batch_first=True, bidirectional=True).double()
    names = {}
    for ours, suffix in (("forward_cell", ""), ("backward_cell", "_reverse")):
        for weight in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            names[f"{ours}.{weight}"] = weight + suffix
    weights = layer.state_dict()
    peer.load_state_dict({theirs: weights[ours] for ours, theirs in names.items()})
    return peer, names


def run_packed(peer: nn.RNNBase, frames: Tensor, lengths: Tensor) -> Tensor:
    packed = pack_padded_sequence(frames, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(peer(packed)[0], batch_first=True, total_length=frames.shape[1])[0]


def random_case(lengths: list[int], seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    num_frames = torch.tensor(lengths)
    frames = torch.randn(len(lengths), max(lengths), INPUTS, dtype=torch.float64, generator=generator)
    inside = torch.arange(max(lengths)) < num_frames[:, None]
    # Weights of the loss: without them every frame would have the same gradient, and a mix-up would not show.
    weights = torch.randn(len(lengths), max(lengths), 2 * CELLS, dtype=torch.float64, generator=generator)
    return frames, num_frames, inside, weights * inside[:, :, None]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_outputs_and_all_gradients_are_those_of_packed_sequences(
    kind: str, layer: Bidirectional, lengths: list[int]
) -> None:
    frames, num_frames, inside, weights = random_case(lengths)
    peer, names = peer_of(kind, layer)
    ours, theirs = frames.clone().requires_grad_(), frames.clone().requires_grad_()
    outputs, expected = layer(ours, num_frames), run_packed(peer, theirs, num_frames)
    torch.testing.assert_close(outputs[inside], expected[inside], rtol=0, atol=1e-10)
    (outputs * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-10)
    for name, parameter in layer.named_parameters():
        gradient = peer.get_parameter(names[name]).grad
        assert gradient is not None
        assert gradient.abs().max() > 0 or max(lengths) == 1
        torch.testing.assert_close(parameter.grad, gradient, rtol=0, atol=1e-10, msg=name)


@pytest.mark.parametrize("garbage", [1e6, float("nan"), float("inf")])
def test_what_is_in_the_padding_does_not_matter(layer: Bidirectional, garbage: float) -> None:
    frames, num_frames, inside, _ = random_case([7, 3, 1, 5])
    spoiled = frames.masked_fill(~inside[:, :, None], garbage)
    assert torch.equal(layer(frames, num_frames)[inside], layer(spoiled, num_frames)[inside])


def test_padding_gets_no_gradient_and_gives_none(layer: Bidirectional) -> None:
    frames, num_frames, inside, weights = random_case([7, 3, 1, 5])
    frames.requires_grad_()
    (layer(frames, num_frames) * weights).sum().backward()
    assert frames.grad is not None
    assert (frames.grad[~inside] == 0).all()
    assert (frames.grad[inside].abs().amax(dim=1) > 0).all()


def test_a_reversal_turns_only_what_is_inside_and_is_its_own_inverse() -> None:
    frames = torch.arange(10.0).reshape(2, 5, 1)
    order = reversal(torch.tensor([3, 5]), 5)
    turned = permute_frames(frames, order)
    assert turned[:, :, 0].tolist() == [[2, 1, 0, 3, 4], [9, 8, 7, 6, 5]]
    assert torch.equal(permute_frames(turned, order), frames)


def test_the_gradient_of_a_reversal_is_right_by_finite_differences() -> None:
    frames = torch.randn(3, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    order = reversal(torch.tensor([4, 1, 3]), 4)
    assert torch.autograd.gradcheck(lambda x: permute_frames(x, order), (frames,))


def truncated_gradients(
    layer: Bidirectional, frames: Tensor, num_frames: Tensor, frame: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs, and the norm of the gradient of one output frame of the first utterance by input frame."""
    frames = frames.clone().requires_grad_()
    outputs = layer(frames, num_frames)
    size = outputs.shape[-1] // 2
    norms = []
    for direction in (outputs[0, frame, :size], outputs[0, frame, size:]):
        (gradient,) = torch.autograd.grad(direction.sum(), frames, retain_graph=True)
        norms.append(gradient[0].norm(dim=-1))
    return outputs.detach(), norms[0], norms[1]


def test_truncation_cuts_the_gradient_at_its_pieces_and_changes_no_output(layer: Bidirectional) -> None:
    frames, num_frames, _, _ = random_case([20, 13])
    whole, ahead, back = truncated_gradients(layer, frames, num_frames, frame=9)
    truncate_backprop(nn.ModuleList([layer]), 7)  # pieces of frames 0-6, 7-13, 14-19; backwards 19-13, 12-6, 5-0
    cut, cut_ahead, cut_back = truncated_gradients(layer, frames, num_frames, frame=9)
    torch.testing.assert_close(cut, whole, rtol=0, atol=1e-12)
    assert cut_ahead.nonzero().flatten().tolist() == [7, 8, 9]
    assert cut_back.nonzero().flatten().tolist() == [9, 10, 11, 12]
    torch.testing.assert_close(cut_ahead[7:10], ahead[7:10])
    torch.testing.assert_close(cut_back[9:13], back[9:13])
    assert (ahead[:7] > 0).all()
    truncate_backprop(nn.ModuleList([layer]), 20)  # as long as the sequence: nothing is cut
    same, same_ahead, same_back = truncated_gradients(layer, frames, num_frames, frame=9)
    assert torch.equal(same, whole)
    assert torch.equal(same_ahead, ahead)
    assert torch.equal(same_back, back)


def test_the_settings_reach_the_layers(tmp_path: Path, kind: str) -> None:
    changes = ["model.num_layers=2", f"model.recurrence.kind={kind}"]
    settings = settings_for(tmp_path, tmp_path, changes, backprop_frames=3)
    model = AcousticModel(settings.model, vocab_size=6, sample_rate=16_000)
    Stepper(model, settings.training, settings.augment, World())
    for layer in model.layers:
        assert layer.body.backprop_frames == 3
        for cell in (layer.body.forward_cell, layer.body.backward_cell):
            assert isinstance(cell, FAMILIES[kind][1])


def test_the_number_of_weights_is_known_before_they_are_there(kind: str, layer: Bidirectional) -> None:
    settings = FAMILIES[kind][0]
    assert 2 * settings.num_weights(INPUTS, CELLS) == sum(weights.numel() for weights in layer.parameters())
