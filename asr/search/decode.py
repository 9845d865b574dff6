"""The search dispatcher: log-probabilities -> hypotheses, by the search that `SearchSettings` choose."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from asr.search.fusion.fusion import Fusion
from asr.search.greedy import GreedyStream, greedy_search
from asr.search.hypothesis import Hypothesis
from asr.search.prefix_beam import search_in_parallel
from asr.search.settings import SearchSettings
from asr.search.stream import PrefixBeamStream

SearchStream: TypeAlias = GreedyStream | PrefixBeamStream


def search(
    log_probs: Float[np.ndarray, "frames vocab"], settings: SearchSettings, fusion: Fusion | None = None
) -> Hypothesis:
    """The best hypothesis for one utterance.

    Raises:
        SearchError: the rows are not natural-log probabilities.
    """
    return search_batch([log_probs], settings, fusion)[0][0]


def search_batch(
    batch: Sequence[Float[np.ndarray, "_ vocab"]],
    settings: SearchSettings,
    fusion: Fusion | None = None,
    *,
    num_best: int = 1,
) -> list[list[Hypothesis]]:
    """The `num_best` hypotheses for each utterance, best first (one only, if the search is greedy).

    Raises:
        SearchError: the rows are not natural-log probabilities.
    """
    if settings.method == "greedy":
        return [[greedy_search(log_probs)] for log_probs in batch]
    return search_in_parallel(
        batch,
        beam_width=settings.beam_width,
        num_best=num_best,
        max_tokens=settings.max_tokens,
        beam_threshold=settings.beam_threshold,
        fusion=None if fusion is None else fusion.tables,
    )


def start_stream(vocab_size: int, settings: SearchSettings, fusion: Fusion | None = None) -> SearchStream:
    """The search that `settings` choose, for frames that come in pieces."""
    if settings.method == "greedy":
        return GreedyStream()
    return PrefixBeamStream(
        vocab_size,
        beam_width=settings.beam_width,
        max_tokens=settings.max_tokens,
        beam_threshold=settings.beam_threshold,
        fusion=None if fusion is None else fusion.tables,
    )
