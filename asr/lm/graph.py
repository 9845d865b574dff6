"""n-grams of each order <-> the graph of states that `LMTables` describes. Lossless in both directions.

An n-gram below the highest order is a state if it is the context of longer n-grams or has a back-off weight; the others
could not change any probability. Each n-gram is an arc of its context, so the arcs give the n-grams back.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from asr.compiled import kernel
from asr.errors import LanguageModelError
from asr.lm.tables import LMTables, NGramTable, find_arc


class NGramError(LanguageModelError):
    """Something is wrong with the n-gram in `row` of the table of `order`."""

    def __init__(self, order: int, row: int, problem: str) -> None:
        super().__init__(f"row {row} of the {order}-grams: {problem}")
        self.order, self.row, self.problem = order, row, problem


def build_tables(num_words: int, ngrams: Sequence[NGramTable]) -> tuple[LMTables, np.ndarray]:
    """The graph of a model, and its number of states by the length of their contexts, int64 [order].

    Raises:
        LanguageModelError: there are no tables, or not a unigram for each word.
        NGramError: the rows are not in order or stand twice, a context is not among the n-grams of the order below, a
            word is not among the unigrams, or a value is not a log-probability.
    """
    if not ngrams:
        raise LanguageModelError("expected tables of n-grams, of order 1 and up; found none")
    _check_values(ngrams)
    parents = _find_parents(num_words, ngrams)
    if len(parents[0]) != num_words:
        raise LanguageModelError(f"found {len(parents[0])} unigrams for {num_words} words; expected one for each")
    is_state = []
    for table, children in zip(ngrams[:-1], parents[1:], strict=True):
        has_children = np.zeros(len(table.words), dtype=np.bool_)
        has_children[children] = True
        is_state.append(has_children | (table.backoff != 0))
    is_state.append(np.zeros(len(ngrams[-1].words), dtype=np.bool_))
    num_states = np.array([1, *(states.sum() for states in is_state[:-1])], dtype=np.int64)
    backoffs = [table.backoff[states] for table, states in zip(ngrams, is_state, strict=True)]
    tables = LMTables(
        arc_start=_arc_starts(ngrams, parents, is_state),
        backoff=np.concatenate([[0], *backoffs], dtype=np.float32),
        backoff_state=np.zeros(num_states.sum(), dtype=np.int32),
        arc_word=np.concatenate([table.words[:, -1] for table in ngrams], dtype=np.int32),
        arc_log_prob=np.concatenate([table.log_prob for table in ngrams], dtype=np.float32),
        arc_next=np.zeros(sum(len(table.words) for table in ngrams), dtype=np.int32),
    )
    _link(tables, np.concatenate(is_state))
    return tables, num_states


def list_ngrams(tables: LMTables, num_states: np.ndarray) -> list[NGramTable]:
    """The n-grams that a graph was built from; `num_states` is as `build_tables` gives it."""
    first_state = np.concatenate([[0], np.cumsum(num_states)])
    contexts = np.zeros((1, 0), dtype=np.int32)  # the words of each state of the current length
    ngrams = []
    for begin, end in pairwise(first_state):
        arcs = slice(tables.arc_start[begin], tables.arc_start[end])
        num_arcs = np.diff(tables.arc_start[begin : end + 1])
        words = np.column_stack([np.repeat(contexts, num_arcs, axis=0), tables.arc_word[arcs]])
        next_state = tables.arc_next[arcs]
        is_state = next_state >= end
        backoff = np.where(is_state, tables.backoff[next_state], np.float32(0))
        ngrams.append(NGramTable(words, tables.arc_log_prob[arcs].copy(), backoff))
        contexts = words[is_state]
    return ngrams


def _find_parents(num_words: int, ngrams: Sequence[NGramTable]) -> list[np.ndarray]:
    """For each n-gram of each order the row of its context among the n-grams of the order below."""
    parents: list[np.ndarray] = []
    keys: list[np.ndarray] = []  # an n-gram's key is made of its parent and its last word, and grows with the rows
    for order, table in enumerate(ngrams, start=1):
        words = table.words.astype(np.int64)
        _refuse(order, np.any((words < 0) | (words >= num_words), axis=1), "a word is not among the unigrams")
        row = np.zeros(len(words), dtype=np.int64)
        for length in range(order - 1):
            key = row * num_words + words[:, length]
            row = np.searchsorted(keys[length], key)
            context = f"its context is not among the {length + 1}-grams; every context of an n-gram has to be there"
            _refuse(order, keys[length][row] != key, context)
        parents.append(row)
        key = row * num_words + words[:, -1]
        _refuse(order, np.diff(key, prepend=-1) == 0, "the n-gram stands twice")
        _refuse(order, np.diff(key, prepend=-1) < 0, "it is not in the order of the word ids")
        keys.append(np.append(key, np.iinfo(np.int64).max))  # so that a search beyond all keys ends there
    return parents


def _check_values(ngrams: Sequence[NGramTable]) -> None:
    for order, table in enumerate(ngrams, start=1):
        _refuse(order, ~np.isfinite(table.log_prob) | (table.log_prob > 0), "not a log-probability; expected 0 or less")
        _refuse(order, ~np.isfinite(table.backoff), "its back-off weight is not a finite number")
    _refuse(len(ngrams), ngrams[-1].backoff != 0, "n-grams of the highest order have no back-off weight; expected 0")


def _refuse(order: int, wrong: np.ndarray, problem: str) -> None:
    if wrong.any():
        raise NGramError(order, int(wrong.argmax()), problem)


def _arc_starts(
    ngrams: Sequence[NGramTable], parents: Sequence[np.ndarray], is_state: Sequence[np.ndarray]
) -> np.ndarray:
    num_arcs = [np.array([len(ngrams[0].words)])]
    for table, children, states in zip(ngrams[:-1], parents[1:], is_state[:-1], strict=True):
        num_arcs.append(np.bincount(children, minlength=len(table.words))[states])
    return np.concatenate([[0], np.cumsum(np.concatenate(num_arcs))], dtype=np.int64)


@kernel
def _link(tables: LMTables, is_state: np.ndarray) -> None:
    """Fill in `arc_next` and `backoff_state`, shorter contexts first, through which longer ones are found."""
    num_states = 1
    for state in range(len(tables.backoff)):
        for arc in range(tables.arc_start[state], tables.arc_start[state + 1]):
            target = 0
            if state > 0:
                shorter = int(tables.backoff_state[state])
                suffix = find_arc(tables, shorter, tables.arc_word[arc])
                while suffix < 0:
                    shorter = int(tables.backoff_state[shorter])
                    suffix = find_arc(tables, shorter, tables.arc_word[arc])
                target = int(tables.arc_next[suffix])
            if is_state[arc]:
                tables.backoff_state[num_states] = target
                target = num_states
                num_states += 1
            tables.arc_next[arc] = target
