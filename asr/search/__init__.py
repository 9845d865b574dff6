"""Stage 4: log-probabilities -> hypotheses. One file a method; `SearchSettings` chooses among them."""

from asr.search.fusion import Fusion, FusionSettings
from asr.search.hypothesis import Hypothesis
from asr.search.settings import SearchSettings, search, search_batch

__all__ = ["Fusion", "FusionSettings", "Hypothesis", "SearchSettings", "search", "search_batch"]
