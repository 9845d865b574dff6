"""An engine's chunks: streams in one call, each with its own state, against each alone and against the whole."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch

from asr.engine import ChunkState, Engine
from asr.model import AcousticModel
from asr.model_settings import ModelSettings, frames_for
from asr.torch_engine import TorchEngine
from tests.support.onnx_models import as_onnx
from tests.support.recurrences import FAMILIES

Frames = npt.NDArray[np.float32]
VOCAB, SIZE, LOOKAHEAD = 7, 4, 3


@pytest.fixture(params=[f"{engine} {name}" for name in FAMILIES for engine in ("torch", "onnx")])
def engine(request: pytest.FixtureRequest) -> Engine:
    name, family = request.param.split(maxsplit=1)
    torch.manual_seed(0)
    small = {"conv_channels": 4, "hidden_size": 12, "num_layers": 2, "recurrence": FAMILIES[family].model_dump()}
    settings = ModelSettings.parse(small, source="")
    by_torch = TorchEngine(AcousticModel(settings, vocab_size=VOCAB, sample_rate=16_000))
    return by_torch if name == "torch" else as_onnx(by_torch)


def random_frames(*lengths: int) -> list[Frames]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal((length, 80)).astype(np.float32) for length in lengths]


def run_together(engine: Engine, utterances: Sequence[Frames]) -> list[Frames]:
    """Log-probabilities of each utterance; in each call, the next chunk of all that are not at their end."""
    used = SIZE * engine.settings.subsampling
    needed = frames_for(engine.settings.subsampling, SIZE + LOOKAHEAD)
    rows: list[list[Frames]] = [[] for _ in utterances]
    left, states = list(utterances), [engine.start_state() for _ in utterances]
    while open_ones := [i for i, frames in enumerate(left) if len(frames)]:
        is_last = [len(left[i]) <= needed for i in open_ones]
        found, after = engine.encode_chunks(
            [left[i] if last else left[i][:needed] for i, last in zip(open_ones, is_last, strict=True)],
            [states[i] for i in open_ones],
            size=SIZE,
            is_last=is_last,
        )
        for i, own, state, last in zip(open_ones, found, after, is_last, strict=True):
            rows[i].append(own)
            states[i], left[i] = state, left[i][:0] if last else left[i][used:]
    return [np.concatenate(own) for own in rows]


def test_streams_in_one_call_are_as_each_alone(engine: Engine) -> None:
    utterances = random_frames(100, 33, 1, 64, 29)
    for found, frames in zip(run_together(engine, utterances), utterances, strict=True):
        (alone,) = run_together(engine, [frames])
        assert len(alone) == -(-len(frames) // engine.settings.subsampling)
        np.testing.assert_allclose(found, alone, rtol=0, atol=1e-4)  # layer norms magnify float32's roundings


def test_one_chunk_with_all_is_the_offline_pass(engine: Engine) -> None:
    utterances = random_frames(5, 28, 26)
    offline = engine.encode(utterances)
    for found, expected in zip(run_together(engine, utterances), offline, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_state_matters_and_stays_as_it_is(engine: Engine) -> None:
    (frames,) = random_frames(200)
    needed, used = frames_for(4, SIZE + LOOKAHEAD), 4 * SIZE
    state = engine.start_state()
    carried: list[ChunkState] = []
    for first in range(0, 160, used):
        piece = [frames[first : first + needed]]
        kept = [each.copy() for each in state]
        (rows,), (after,) = engine.encode_chunks(piece, [state], size=SIZE, is_last=[False])
        (fresh,), _ = engine.encode_chunks(piece, [engine.start_state()], size=SIZE, is_last=[False])
        assert rows.shape == (SIZE, VOCAB)
        assert (np.abs(rows - fresh).max() > 1e-3) == (first > 0)
        for before, now, new in zip(kept, state, after, strict=True):
            assert np.array_equal(before, now)
            assert (new.shape, new.dtype) == (now.shape, now.dtype)
        carried.append(state)
        state = after


def test_no_streams_are_no_work(engine: Engine) -> None:
    assert engine.encode_chunks([], [], size=SIZE, is_last=[]) == ([], [])
