"""Stage 4: log-probabilities -> hypotheses. One file a method; `SearchSettings` chooses among them.

In the order of reading: `hypothesis.py` (what comes in and out), `settings.py`, `decode.py` (which search is run),
`greedy.py`, `prefix_beam.py` (the beam search of whole utterances) and `stream.py` (the same, piece by piece);
`kernel/` (its inner loop, compiled), `fusion/` (what a language model and hot words add); `rescore.py`. All of these
take NumPy arrays and need no PyTorch; `batched/`, for log-probabilities on a GPU, does.
"""

from asr.search.decode import search, search_batch, start_stream
from asr.search.fusion.fusion import Fusion, FusionSettings
from asr.search.hypothesis import Hypothesis
from asr.search.settings import SearchSettings
from asr.search.stream import PrefixBeamStream

__all__ = [
    "Fusion",
    "FusionSettings",
    "Hypothesis",
    "PrefixBeamStream",
    "SearchSettings",
    "search",
    "search_batch",
    "start_stream",
]
