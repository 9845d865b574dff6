"""Connectionist temporal classification (CTC, Graves et al. 2006): what every stage that reads its output needs.

Each frame shows one token or the blank. Merging repeats and removing blanks gives the text of a path. The loss itself
is in `asr/ctc_loss.py`, the search for the likeliest text in `asr/search/`, the likeliest path of a known text in
`asr/alignment/`.
"""

from collections.abc import Sequence
from itertools import pairwise

BLANK_ID = 0
"""Column of the blank in log-probabilities, and piece of every token model."""


def num_frames_needed(tokens: Sequence[int]) -> int:
    """The fewest frames in which CTC can spell the tokens: one each, and a blank between equal neighbours."""
    return len(tokens) + sum(a == b for a, b in pairwise(tokens))
