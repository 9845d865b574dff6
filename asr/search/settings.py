"""Which search, and how wide."""

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from asr.search.fusion import Fusion, FusionSettings
from asr.search.greedy import greedy_search
from asr.search.hypothesis import Hypothesis
from asr.search.prefix_beam import search_in_parallel
from asr.settings import Settings


class SearchSettings(Settings):
    """`greedy` takes the best path; `beam` the best text of `beam_width` prefixes, with the language model if the model
    has one; `max_tokens` a frame are looked at, prefixes more than `beam_threshold` nats below the best are dropped.
    A neural language model, if the model has one, rescores the `num_rescored` best with its weight.
    """

    method: Literal["greedy", "beam"] = "greedy"
    beam_width: int = Field(64, ge=1, le=10_000)
    max_tokens: int = Field(40, ge=1)
    beam_threshold: float = Field(25.0, gt=0)
    fusion: FusionSettings = FusionSettings()
    num_rescored: int = Field(32, ge=1)
    rescoring_weight: float = Field(0.0, ge=0)


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
