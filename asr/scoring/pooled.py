"""The errors of many utterances together, as records of them have them."""

import math
from collections.abc import Sequence
from typing import Any

from asr.scoring.record import UtteranceScore

_COUNTS = ("num_words", "num_characters", "substitutions", "deletions", "insertions", "character_errors")


def pooled(utterances: Sequence[UtteranceScore]) -> dict[str, Any]:
    """Each count as a sum; `wer_low` and `wer_high` bound the 95 % interval of the error rate (NaN without a word)."""
    counts = {name: sum(getattr(utterance, name) for utterance in utterances) for name in _COUNTS}
    low, high = math.nan, math.nan
    if counts["num_words"]:
        from asr.scoring.interval import error_interval  # needs NumPy, which takes a while to load

        low, high = error_interval([u.errors for u in utterances], [u.num_words for u in utterances])
    return {**counts, "wer_low": low, "wer_high": high}
