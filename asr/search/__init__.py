"""Stage 4: log-probabilities -> hypotheses. One file a method; `SearchSettings` chooses among them."""

from asr.search.hypothesis import Hypothesis
from asr.search.settings import SearchSettings, search

__all__ = ["Hypothesis", "SearchSettings", "search"]
