"""Latency-controlled recurrences: utterances in chunks, against an oracle that runs each chunk from the very start."""

import pytest
import torch
from torch import Tensor

from asr.model import AcousticModel
from asr.model_settings import STRIDES, ModelSettings, frames_before, frames_for, num_complete_frames
from asr.recurrent.bidirectional import Bidirectional, Chunking, cut_into_chunks, join_chunks, truncate_backprop
from asr.recurrent.families import make_bidirectional
from tests.support.recurrences import FAMILIES

INPUTS, CELLS = 5, 4
LENGTHS = [23, 4, 1, 17]
CHUNKINGS = [Chunking(4, 3), Chunking(1, 0), Chunking(1, 5), Chunking(7, 20), Chunking(5, 0), Chunking(30, 2)]


@pytest.fixture(params=["lstm", "gru"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make_layers(kind: str) -> list[Bidirectional]:
    torch.manual_seed(1)
    return [make_bidirectional(FAMILIES[kind], size, CELLS).double() for size in (INPUTS, 2 * CELLS)]


def oracle(layers: list[Bidirectional], frames: Tensor, chunking: Chunking) -> Tensor:
    """One utterance (frames, inputs), from the definition: in each chunk and layer, the forward direction runs from the
    very first frame over all chunks and then the right context; the backward direction over this chunk and its context.
    """
    history: list[list[Tensor]] = [[] for _ in layers]  # the inputs of each layer in the chunks before
    outputs = []
    for start in range(0, len(frames), chunking.size):
        window = frames[start : start + chunking.size + chunking.lookahead]
        for layer, before in zip(layers, history, strict=True):
            whole = torch.cat([*before, window])
            ahead = layer.forward_cell(whole[None])[0][0, len(whole) - len(window) :]
            back = layer.backward_cell(window.flip(0)[None])[0][0].flip(0)
            before.append(window[: chunking.size])
            window = torch.cat([ahead, back], dim=1)
        outputs.append(window[: chunking.size])
    return torch.cat(outputs)


def run(layers: list[Bidirectional], frames: Tensor, num_frames: Tensor, chunking: Chunking) -> Tensor:
    chunks, in_chunks = cut_into_chunks(frames, num_frames, chunking)
    for layer in layers:
        chunks, _ = layer.run_chunks(chunks, in_chunks, chunking.size)
    return join_chunks(chunks, chunking, frames.shape[1])


def batch_of_frames(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Frames, their numbers, and the same with NaN in the padding."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randn(len(LENGTHS), max(LENGTHS), INPUTS, dtype=torch.float64, generator=generator)
    num_frames = torch.tensor(LENGTHS)
    inside = torch.arange(max(LENGTHS)) < num_frames[:, None]
    return frames, num_frames, frames.masked_fill(~inside[:, :, None], float("nan"))


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("chunking", CHUNKINGS, ids=str)
def test_a_batch_in_chunks_is_the_oracle_for_each_utterance(kind: str, chunking: Chunking) -> None:
    layers = make_layers(kind)
    frames, num_frames, spoiled = batch_of_frames()
    found = run(layers, spoiled, num_frames, chunking)
    for row, utterance, n in zip(found, frames, LENGTHS, strict=True):
        torch.testing.assert_close(row[:n], oracle(layers, utterance[:n], chunking), rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunking", [Chunking(4, 3), Chunking(1, 5)], ids=str)
def test_the_gradient_is_that_of_the_oracle(kind: str, chunking: Chunking) -> None:
    layers = make_layers(kind)
    frames, num_frames, _ = batch_of_frames()
    weights = torch.randn(len(LENGTHS), max(LENGTHS), 2 * CELLS, dtype=torch.float64)
    parameters = [p for layer in layers for p in layer.parameters()]
    ours, theirs = frames.clone().requires_grad_(), frames.clone().requires_grad_()
    outputs = run(layers, ours, num_frames, chunking)
    loss = sum((outputs[i, :n] * weights[i, :n]).sum() for i, n in enumerate(LENGTHS))
    expected = sum((oracle(layers, theirs[i, :n], chunking) * weights[i, :n]).sum() for i, n in enumerate(LENGTHS))
    assert isinstance(loss, Tensor)
    assert isinstance(expected, Tensor)
    found = torch.autograd.grad(loss, [ours, *parameters])
    for a, b in zip(found, torch.autograd.grad(expected, [theirs, *parameters]), strict=True):
        assert b.abs().max() > 0
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)


def test_a_chunk_that_covers_all_is_the_offline_result_to_the_bit(kind: str) -> None:
    (layer, _), (frames, num_frames, _) = make_layers(kind), batch_of_frames()
    whole = layer(frames, num_frames)
    for chunking in (Chunking(max(LENGTHS), 0), Chunking(40, 6)):
        found = run([layer], frames, num_frames, chunking)
        for row, expected, n in zip(found, whole, LENGTHS, strict=True):
            assert torch.equal(row[:n], expected[:n])


@torch.inference_mode()
def test_the_longer_the_right_context_the_nearer_to_offline(kind: str) -> None:
    layers, (frames, num_frames, _) = make_layers(kind), batch_of_frames()
    whole = layers[1](layers[0](frames, num_frames), num_frames)[0]
    gaps = [
        float((run(layers, frames, num_frames, Chunking(4, ahead))[0] - whole).abs().max()) for ahead in (0, 4, 8, 23)
    ]
    assert gaps[0] > 1e-3
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-14


def test_truncated_backpropagation_never_reaches_beyond_a_chunk(kind: str) -> None:
    layer = make_layers(kind)[0]
    frames = torch.randn(1, 12, INPUTS, dtype=torch.float64).requires_grad_()
    truncate_backprop(layer, 3)
    output = run([layer], frames, torch.tensor([12]), Chunking(6, 2))
    (gradient,) = torch.autograd.grad(output[0, 7, :CELLS].sum(), frames)
    assert gradient[0].abs().amax(dim=1).nonzero().flatten().tolist() == [6, 7]


# The network

RATE, VOCAB = 16_000, 7


def small_model(subsampling: int, name: str = "lstm") -> AcousticModel:
    torch.manual_seed(0)
    settings = ModelSettings.parse(
        {
            "conv_channels": 4,
            "hidden_size": 12,
            "num_layers": 3,
            "subsampling": subsampling,
            "recurrence": FAMILIES[name].model_dump(),
        },
        source="test",
    )
    return AcousticModel(settings, vocab_size=VOCAB, sample_rate=RATE).eval().double()


def stream(model: AcousticModel, utterance: Tensor, chunking: Chunking) -> Tensor:
    """Log-probabilities of log-mel frames (frames, mels), one `encode_chunk` after the other."""
    subsampling, size = model.settings.subsampling, chunking.size
    context = frames_before(subsampling)
    needed = frames_for(subsampling, size + chunking.lookahead)
    rows, states, first = [], model.start_states(1), 0
    padded = torch.cat([torch.zeros(context, utterance.shape[1]), utterance])
    while True:
        is_last = len(utterance) - first <= needed
        window = padded[first : first + context + (len(utterance) if is_last else needed)]
        given = len(window) - context
        num_outputs = -(-given // subsampling) if is_last else num_complete_frames(subsampling, given)
        log_probs, states = model.encode_chunk(
            window[None],
            torch.tensor([len(window)]),
            torch.tensor([min(first, context)]),
            torch.tensor([num_outputs]),
            size=size,
            states=states,
        )
        rows.append(log_probs[0] if is_last else log_probs[0, :size])
        if is_last:
            return torch.cat(rows)
        first += size * subsampling


@pytest.mark.parametrize("subsampling", STRIDES)
@pytest.mark.parametrize("chunking", [Chunking(5, 3), Chunking(1, 0), Chunking(2, 9), Chunking(80, 0)], ids=str)
@torch.inference_mode()
def test_a_stream_is_what_training_in_chunks_computes(subsampling: int, chunking: Chunking) -> None:
    model = small_model(subsampling)
    for num_frames in (1, 7, 64, 65, 131):
        utterance = torch.randn(num_frames, 80, dtype=torch.float64)
        encoded, counts = model.subsampling(utterance[None], torch.tensor([num_frames]))
        whole = model.log_probs(model.run_layers_in_chunks(encoded, counts, chunking)[-1])[0]
        found = stream(model, utterance, chunking)
        assert found.shape == whole.shape
        # The last chunk takes all that is left, with all of it as context.
        same = max(0, len(found) - chunking.size - chunking.lookahead - 1)
        torch.testing.assert_close(found[:same], whole[:same], rtol=0, atol=1e-6)  # log-softmax is in float32


@pytest.mark.parametrize(
    ("name", "subsampling"), [*((name, 4) for name in FAMILIES), *(("lstm", stride) for stride in STRIDES)]
)
@torch.inference_mode()
def test_a_stream_whose_context_covers_all_is_the_offline_pass(name: str, subsampling: int) -> None:
    model = small_model(subsampling, name)
    for num_frames in (1, 2, 30, 97):
        utterance = torch.randn(num_frames, 80, dtype=torch.float64)
        whole, _ = model.encode(utterance[None], torch.tensor([num_frames]))
        for chunking in (Chunking(num_frames, 0), Chunking(2, num_frames)):
            torch.testing.assert_close(stream(model, utterance, chunking), whole[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("subsampling", STRIDES)
def test_the_frames_that_an_output_frame_depends_on_are_counted_right(subsampling: int) -> None:
    model = small_model(subsampling)
    frames = torch.randn(1, 120, 80, dtype=torch.float64).requires_grad_()
    encoded, _ = model.subsampling(frames, torch.tensor([120]))
    (gradient,) = torch.autograd.grad(encoded[0, 4].sum(), frames)
    depends = gradient[0].abs().amax(dim=1).nonzero().flatten().tolist()
    assert len(range(depends[-1] + 1)) == frames_for(subsampling, 5)
    assert 4 * subsampling - frames_before(subsampling) <= depends[0] == 8 * subsampling - depends[-1]
    for num_frames in range(1, 60):
        complete = num_complete_frames(subsampling, num_frames)
        assert complete == sum(frames_for(subsampling, k) <= num_frames for k in range(1, 60))
