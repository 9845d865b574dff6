"""What one more token adds to the score of a prefix: language model and hot words, as numba functions over arrays.

The state of a prefix is three numbers: the state of the language model, the node of the trie of words that the open
word has reached, and the state of the hot words. `fusion.py` builds the arrays; the search kernel and the tensor
search read them.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from asr.compiled import part
from asr.lm.tables import LMTables, lm_step

NO_LM, WORDS, LEXICON, TOKENS = 0, 1, 2, 3  # what the language model counts, and whether other words are allowed
BOUNDARY = 0  # the symbol between two words
ROOT = 0  # of the trie: no word is open
MAX_GAIN = 600.0  # of a token: as much as the numbers of the kernel can bear, and far more than any sane model gives
_UNKNOWN_WORD, _END_WORD = np.int64(0), np.int64(2)


class FusionTables(NamedTuple):
    """All that fusion reads. Scores are natural logs, already weighted, unless said otherwise."""

    unit: int
    is_plain: bool  # there is no language model and no hot word: nothing is ever added
    alpha: float  # weight of the language model
    beta: float  # added for each word (or token, for a language model of tokens)
    unknown: float  # added for each letter of a word that is not in the trie
    token_start: (
        np.ndarray
    )  # int32 [vocab + 1]: the symbols of token v are token_symbol[token_start[v]:token_start[v + 1]]
    token_symbol: np.ndarray  # int32: characters, or BOUNDARY
    ends_word: np.ndarray  # bool [vocab]: the token has a boundary in it
    first_letter: np.ndarray  # uint64 [vocab]: the bit of the token's first symbol, as in `trie_letters`
    is_letter: np.ndarray  # bool [vocab]: the token is one letter of a word, and there are no hot words
    has_trie: bool
    trie_letters: np.ndarray  # uint64 [nodes]: the bits (symbol modulo 64) of the symbols that the node's children have
    trie_start: np.ndarray  # int32 [nodes + 1]: the children of a node
    trie_symbol: np.ndarray  # int32 [nodes - 2], ascending within a node
    trie_child: np.ndarray  # int32 [nodes - 2]
    trie_word: np.ndarray  # int32 [nodes]: the word that ends here, -1 for none. The last node is that of unknown words
    depth: np.ndarray  # int32 [nodes]: letters from the root; 0 for the last node, whose letters are paid for already
    lookahead: np.ndarray  # float64 [nodes]: the best that the unigrams of the words below promise; 0 at the root
    entering: np.ndarray  # float64 [nodes]: exp(the lookahead of a node - that of its parent)
    token_word: np.ndarray  # int32 [vocab]: the word of the language model that a token is
    lm: LMTables
    lm_start: int
    hot_next: np.ndarray  # int32 [hot states, symbols]
    hot_gain: np.ndarray  # float64 [hot states, symbols]
    hot_final: np.ndarray  # float64 [hot states]: the gain of an end after the state
    hot_start: int
    bound: float  # no token without a boundary ever gains more than this


@part
@no_type_check
def find_child(tables, node, symbol):
    """The child of a trie node, or the node of unknown words."""
    low, end = tables.trie_start[node], tables.trie_start[node + 1]
    high = end
    while low < high:
        middle = (low + high) // 2
        if tables.trie_symbol[middle] < symbol:
            low = middle + 1
        else:
            high = middle
    if low < end and tables.trie_symbol[low] == symbol:
        return np.int64(tables.trie_child[low])
    return len(tables.trie_word) - 1


@part
@no_type_check
def leave_trie(tables, node):
    """The gain of a letter that no word goes on with: all letters of the unknown word so far are paid for."""
    if tables.unit == LEXICON:
        return -np.inf
    last = len(tables.trie_word) - 1
    num_letters = 1 if node == last else tables.depth[node] + 1
    return tables.lookahead[last] - tables.lookahead[node] + tables.unknown * num_letters


@part
@no_type_check
def close_word(tables, lm_state, node, allow_unknown):
    """(gain, next state) of a boundary after the open word; -inf if the lexicon has no such word."""
    if node == ROOT:
        return 0.0, lm_state
    word = np.int64(tables.trie_word[node])
    gain = tables.beta - tables.lookahead[node]
    if word < 0:
        if not allow_unknown:
            return -np.inf, lm_state
        gain += tables.unknown * tables.depth[node]
        word = _UNKNOWN_WORD
    log_prob, lm_state = lm_step(tables.lm, lm_state, word)
    return gain + tables.alpha * log_prob, lm_state


@part
@no_type_check
def advance(tables, lm_state, node, hot, token):
    """(gain, lm_state, node, hot) of one more token; the gain is -inf if the lexicon forbids it."""
    gain = 0.0
    if tables.unit == TOKENS:
        log_prob, lm_state = lm_step(tables.lm, lm_state, np.int64(tables.token_word[token]))
        gain = tables.alpha * log_prob + tables.beta
    for index in range(tables.token_start[token], tables.token_start[token + 1]):
        symbol = tables.token_symbol[index]
        gain += tables.hot_gain[hot, symbol]
        hot = np.int64(tables.hot_next[hot, symbol])
        if tables.unit in (WORDS, LEXICON):
            if symbol == BOUNDARY:
                closing, lm_state = close_word(tables, lm_state, node, tables.unit == WORDS)
                gain += closing
                node = np.int64(ROOT)
            else:
                child = find_child(tables, node, symbol)
                if child != len(tables.trie_word) - 1:
                    gain += tables.lookahead[child] - tables.lookahead[node]
                else:
                    gain += leave_trie(tables, node)
                node = child
    return gain, lm_state, node, hot


@part
@no_type_check
def finish(tables, lm_state, node, hot, allow_unknown):
    """The gain of the end of the sentence."""
    gain = tables.hot_final[hot]
    if tables.unit == NO_LM:
        return gain
    if tables.unit != TOKENS:
        closing, lm_state = close_word(tables, lm_state, node, allow_unknown)
        gain += closing
    log_prob, lm_state = lm_step(tables.lm, lm_state, _END_WORD)
    return gain + tables.alpha * log_prob
