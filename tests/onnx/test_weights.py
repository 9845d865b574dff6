"""int8 weights in graphs: how much smaller, and which there are."""

import pytest

from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.onnx.export import MATRICES, make_graphs
from asr.torch_engine import TorchEngine
from tests.support.onnx_models import arrays_of


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
