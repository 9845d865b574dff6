"""An n-gram model as a graph, which every search reads: states are contexts, arcs are words.

The probability of a word is found as in Katz 1987: the arc of the word in the longest context that has one, plus the
back-off weights of the longer contexts passed on the way.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from asr.compiled import kernel, part


@dataclass(frozen=True, slots=True)
class NGramTable:
    """The n-grams of one order: rows in lexicographic order of their word ids, each once."""

    words: np.ndarray  # int32 [num_ngrams, n]
    log_prob: np.ndarray  # float32 [num_ngrams], natural log, at most 0
    backoff: np.ndarray  # float32 [num_ngrams], natural log; zeros for the highest order


class LMTables(NamedTuple):
    """The graph. State 0 is the empty context and has an arc for every word: its arc of word w is arc w.

    States are ordered by the length of their contexts, then lexicographically. So are their arcs, which are therefore
    the n-grams of all orders, one order after the other, each in lexicographic order.
    """

    arc_start: np.ndarray  # int64 [num_states + 1]: the arcs of state s are arc_start[s]:arc_start[s + 1]
    backoff: np.ndarray  # float32 [num_states], natural log
    backoff_state: np.ndarray  # int32 [num_states]: the longest shorter suffix of the context that is a state
    arc_word: np.ndarray  # int32 [num_arcs], ascending within a state
    arc_log_prob: np.ndarray  # float32 [num_arcs], natural log
    arc_next: np.ndarray  # int32 [num_arcs]: the longest suffix of context and word that is a state


@kernel
def lm_step(tables: LMTables, state: int, word: int) -> tuple[float, int]:
    """Natural-log probability of `word` (0 to the number of words - 1) after `state`, and the state after it."""
    log_prob = 0.0
    arc = find_arc(tables, state, word)
    while arc < 0:
        log_prob += tables.backoff[state]
        state = tables.backoff_state[state]
        arc = find_arc(tables, state, word)
    return log_prob + tables.arc_log_prob[arc], int(tables.arc_next[arc])


@part
def find_arc(tables: LMTables, state: int, word: int) -> int:
    """The arc of `word` in `state`; -1 if it has none."""
    if state == 0:
        return word
    low, end = tables.arc_start[state], tables.arc_start[state + 1]
    high = end
    while low < high:
        middle = (low + high) // 2
        if tables.arc_word[middle] < word:
            low = middle + 1
        else:
            high = middle
    return int(low) if low < end and tables.arc_word[low] == word else -1
