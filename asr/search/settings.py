"""Which search, and how wide."""

from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from asr.search.greedy import greedy_search
from asr.search.hypothesis import Hypothesis
from asr.search.prefix_beam import prefix_beam_search
from asr.settings import Settings


class SearchSettings(Settings):
    """`greedy` takes the best path; `beam` the best text of `beam_width` prefixes."""

    method: Literal["greedy", "beam"] = "greedy"
    beam_width: int = Field(16, ge=1, le=10_000)


def search(log_probs: Float[Tensor, "frames vocab"], settings: SearchSettings) -> Hypothesis:
    """The best hypothesis for one utterance.

    Raises:
        SearchError: the rows are not natural-log probabilities.
    """
    if settings.method == "greedy":
        return greedy_search(log_probs)
    return prefix_beam_search(log_probs, beam_width=settings.beam_width)[0]
