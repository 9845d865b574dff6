"""Every family in ONNX, in both directions, on utterances of several lengths, against torch."""

import numpy as np
import pytest
import torch

from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.onnx.export import MATRICES, make_graphs
from asr.torch_engine import TorchEngine
from tests.support.onnx_models import arrays_of, as_onnx, with_int8_weights
from tests.support.recurrences import FAMILIES

TOLERANCE = 1e-4
NORMED = 3e-3  # what is fed back is divided by its deviation, so roundings grow where that is small


@pytest.fixture(params=FAMILIES)
def engine(request: pytest.FixtureRequest) -> TorchEngine:
    """Log-probabilities from 0 to -20, as those of trained networks."""
    torch.manual_seed(0)
    recurrence = FAMILIES[request.param].model_dump()
    small = {"conv_channels": 4, "hidden_size": 24, "num_layers": 2, "recurrence": recurrence}
    model = AcousticModel(ModelSettings.parse(small, source=""), vocab_size=19, sample_rate=16_000)
    for cell in model.layers.parameters():
        cell.data += 0.05 * torch.randn_like(cell)  # also biases that start as zero
    model.head.weight.data *= 4
    return TorchEngine(model)


def tolerance(engine: TorchEngine) -> float:
    normed = {"layer_norm", "stable"}
    return NORMED if any(getattr(engine.settings.recurrence, each, False) for each in normed) else TOLERANCE


def batch_of_frames() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 80)).astype(np.float32) for length in (300, 1, 77, 2, 1000)]


def test_log_probs_are_those_of_torch(engine: TorchEngine) -> None:
    for found, expected in zip(
        as_onnx(engine).encode(batch_of_frames()), engine.encode(batch_of_frames()), strict=True
    ):
        assert expected.min() < -10
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(engine))


def test_int8_weights_are_expanded_not_computed_with(engine: TorchEngine) -> None:
    exported, rounded = as_onnx(engine, int8=True), with_int8_weights(engine)
    for found, expected in zip(exported.encode(batch_of_frames()), rounded.encode(batch_of_frames()), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(engine))


def test_each_matrix_is_int8(engine: TorchEngine) -> None:
    arrays = arrays_of(engine)
    graphs = make_graphs(engine.settings, arrays, sample_rate=16_000, int8=True)
    matrices = {name for name, array in arrays.items() if array.ndim > 1 and not name.startswith("features.")}
    assert {name for name in arrays if f"{name}.int8".encode() in graphs["network.onnx"]} == matrices
    assert len(graphs[MATRICES]) < 2 * sum(arrays[name].size for name in matrices)
