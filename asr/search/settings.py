"""Which search, and how wide."""

from typing import Literal

from pydantic import Field

from asr.search.fusion.fusion import FusionSettings
from asr.settings import Settings


class SearchSettings(Settings):
    """Which search, and how wide; with the language models, if the model has any."""

    method: Literal["greedy", "beam"] = "greedy"
    """The best path, or the best text of a beam, which takes a language model into account."""
    beam_width: int = Field(64, ge=1, le=10_000)
    """Beam width: how many prefixes are kept."""
    max_tokens: int = Field(40, ge=1, le=1_000_000)
    """How many of the likeliest tokens of each frame are looked at."""
    beam_threshold: float = Field(25.0, gt=0, le=1e9)
    """Prefixes more than this many nats below the best are dropped."""
    fusion: FusionSettings = FusionSettings()
    """How a language model takes part; `asr tune` finds these."""
    num_rescored: int = Field(32, ge=1, le=10_000)
    """Best texts that a neural language model rescores, if the model has one."""
    rescoring_weight: float = Field(0.0, ge=0, le=1000)
    """Weight of the neural language model."""
