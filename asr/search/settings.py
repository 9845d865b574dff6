"""Which search, and how wide."""

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from asr.search.fusion.fusion import Fusion, FusionSettings
from asr.search.greedy import greedy_search
from asr.search.hypothesis import Hypothesis
from asr.search.prefix_beam import search_in_parallel
from asr.settings import Settings


class SearchSettings(Settings):
    """Which search, and how wide; with the language models, if the model has any."""

    method: Literal["greedy", "beam"] = "greedy"
    """The best path, or the best text of a beam, which takes a language model into account."""
    beam_width: int = Field(64, ge=1, le=10_000)
    """Prefixes that are followed."""
    max_tokens: int = Field(40, ge=1, le=1_000_000)
    """Likeliest tokens of each frame that are looked at."""
    beam_threshold: float = Field(25.0, gt=0, le=1e9)
    """Prefixes that are more than so many nats below the best are dropped."""
    fusion: FusionSettings = FusionSettings()
    """How a language model takes part; `asr tune` finds these."""
    num_rescored: int = Field(32, ge=1, le=10_000)
    """Best texts that a neural language model rescores, if the model has one."""
    rescoring_weight: float = Field(0.0, ge=0, le=1000)
    """Weight of the neural language model."""


def search(
    log_probs: Float[Tensor, "frames vocab"], settings: SearchSettings, fusion: Fusion | None = None
) -> Hypothesis:
    """The best hypothesis for one utterance.

    Raises:
        SearchError: the rows are not natural-log probabilities.
    """
    return search_batch([log_probs], settings, fusion)[0][0]


def search_batch(
    batch: Sequence[Float[Tensor, "_ vocab"]],
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
