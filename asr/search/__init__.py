"""Stage 4: log-probabilities -> hypotheses. One file a method; `SearchSettings` chooses among them."""

from asr.search.batched.beam import tensor_beam_search
from asr.search.batched.fusion import TensorTables
from asr.search.decode import search, search_batch
from asr.search.fusion.fusion import Fusion, FusionSettings
from asr.search.hypothesis import Hypothesis
from asr.search.settings import SearchSettings

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
