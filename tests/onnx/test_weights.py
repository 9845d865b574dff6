"""int8 weights: how far off they are, how much smaller, and which there are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.onnx.export import MATRICES, make_graphs
from asr.onnx.weights import quantise
from asr.torch_engine import TorchEngine
from tests.support.onnx_models import arrays_of


@given(st.integers(0, 10**6), st.floats(1e-6, 1e3))
def test_products_are_within_half_a_scale(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    weights = (size * rng.normal(size=(7, 11)) * rng.uniform(0.01, 1, (7, 1))).astype(np.float32)
    whole, scales = quantise(weights)
    assert whole.dtype == np.int8
    assert np.abs(whole.astype(int)).max(axis=1).tolist() == [127] * 7  # each channel has its own scale
    assert (np.abs(whole * scales - weights) <= 0.5001 * scales).all()


def test_a_channel_of_zeros_stays_zero() -> None:
    whole, scales = quantise(np.zeros((2, 3), np.float32))
    assert np.array_equal(whole * scales, np.zeros((2, 3)))


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_each_matrix_is_int8_and_the_file_a_quarter(kind: str) -> None:
    """All that is large is quantised, whatever the family: nothing is passed over in silence."""
    settings = ModelSettings.parse({"hidden_size": 96, "num_layers": 2, "recurrence": {"kind": kind}}, source="")
    arrays = arrays_of(TorchEngine(AcousticModel(settings, vocab_size=40, sample_rate=16_000)))
    sizes = {}
    for int8 in (True, False):
        graphs = make_graphs(settings, arrays, sample_rate=16_000, int8=int8)
        sizes[int8] = len(graphs[MATRICES])
        assert sum(map(len, graphs.values())) < sizes[int8] + 450_000  # the graphs themselves, and the mel filters
        names = [name for name in arrays if f"{name}.int8".encode() in graphs["network.onnx"]]
        assert set(names) == ({name for name in arrays if name.endswith(_MATRICES)} if int8 else set())
    assert 3.6 < sizes[False] / sizes[True] < 4


_MATRICES = (
    "weight_ih_l0",
    "weight_hh_l0",
    "projection.weight",
    "head.weight",
    "convolutions.0.weight",
    "convolutions.1.weight",
)


def test_weights_too_many_or_too_few_are_refused() -> None:
    settings = ModelSettings(hidden_size=4, num_layers=2, conv_channels=2)
    arrays = arrays_of(TorchEngine(AcousticModel(settings, vocab_size=5, sample_rate=16_000)))
    fewer = ModelSettings(hidden_size=4, num_layers=1, conv_channels=2)
    with pytest.raises(ValueError, match=r"layers\.1\..* is not part of such a network"):
        make_graphs(fewer, arrays, sample_rate=16_000, int8=False)
    with pytest.raises(ValueError, match=r"layers\.2\.norm\.weight is missing"):
        make_graphs(settings.model_copy(update={"num_layers": 3}), arrays, sample_rate=16_000, int8=False)
