"""Stage 4: log-probabilities -> hypotheses. One file a method; `SearchSettings` chooses among them."""

from asr.search.fusion import Fusion, FusionSettings
from asr.search.hypothesis import Hypothesis
from asr.search.settings import SearchSettings, search, search_batch
from asr.search.tensor_beam import tensor_beam_search
from asr.search.tensor_fusion import TensorTables

__all__ = [
    "Fusion",
    "FusionSettings",
    "Hypothesis",
    "SearchSettings",
    "TensorTables",
    "search",
    "search_batch",
    "tensor_beam_search",
]
