"""What one more token adds to the score of a prefix: language model and hot words, as numba functions over arrays."""

from typing import NamedTuple

import numpy as np

from asr.compiled import part
from asr.lm.tables import lm_step
from asr.search.fusion.tables import (
    BOUNDARY,
    LEXICON,
    MAX_GAIN,
    MIN_GAIN,
    NO_LM,
    ROOT,
    TOKENS,
    WORDS,
    FusionTables,
    find_child,
)

_UNKNOWN_WORD, _END_WORD = 0, 2


class FusionState(NamedTuple):
    """What fusion knows of a prefix."""

    lm_state: int
    node: int  # of the trie, that the open word has reached
    hotword_state: int


@part
def leave_trie(tables: FusionTables, node: int) -> float:
    """The gain of a letter that no word continues with. It charges the penalty for all letters of the unknown word so
    far, this one included; -inf if the lexicon has no unknown words.
    """
    trie = tables.trie
    if tables.unit == LEXICON:
        return -np.inf
    last = len(trie.word) - 1
    num_letters = 1 if node == last else trie.depth[node] + 1
    return float(trie.lookahead[last] - trie.lookahead[node] + tables.unknown_penalty * num_letters)


@part
def close_word(tables: FusionTables, lm_state: int, node: int, allow_unknown: bool) -> tuple[float, int]:
    """(gain, next state) of a boundary after the open word; -inf if the lexicon has no such word."""
    if node == ROOT:
        return 0.0, lm_state
    word = int(tables.trie.word[node])
    gain = tables.beta - float(tables.trie.lookahead[node])
    if word < 0:
        if not allow_unknown:
            return -np.inf, lm_state
        gain += tables.unknown_penalty * tables.trie.depth[node]
        word = _UNKNOWN_WORD
    log_prob, lm_state = lm_step(tables.lm, lm_state, word)
    return gain + tables.alpha * log_prob, lm_state


@part
def advance(tables: FusionTables, before: FusionState, token: int) -> tuple[float, FusionState]:
    """Gain of one more token, and the state after it; the gain is -inf if the lexicon forbids the token."""
    lm_state, node, hotword_state = before
    gain = 0.0
    if tables.unit == TOKENS:
        log_prob, lm_state = lm_step(tables.lm, lm_state, int(tables.tokens.word[token]))
        gain = tables.alpha * log_prob + tables.beta
    for index in range(tables.tokens.start[token], tables.tokens.start[token + 1]):
        symbol = tables.tokens.symbol[index]
        gain += tables.hotwords.gain[hotword_state, symbol]
        hotword_state = int(tables.hotwords.next[hotword_state, symbol])
        if tables.unit in (WORDS, LEXICON):
            if symbol == BOUNDARY:
                word_gain, lm_state = close_word(tables, lm_state, node, tables.unit == WORDS)
                gain += word_gain
                node = ROOT
            else:
                child = find_child(tables.trie, node, symbol)
                if child != len(tables.trie.word) - 1:
                    gain += tables.trie.lookahead[child] - tables.trie.lookahead[node]
                else:
                    gain += leave_trie(tables, node)
                node = child
    return gain, FusionState(lm_state, node, hotword_state)


@part
def finish(tables: FusionTables, state: FusionState, allow_unknown: bool) -> float:
    """The gain of the end of the text."""
    lm_state, node, hotword_state = state
    gain = float(tables.hotwords.final[hotword_state])
    if tables.unit == NO_LM:
        return gain
    if tables.unit != TOKENS:
        word_gain, lm_state = close_word(tables, lm_state, node, allow_unknown)
        gain += word_gain
    log_prob, lm_state = lm_step(tables.lm, lm_state, _END_WORD)
    return gain + tables.alpha * log_prob


@part
def factor_of(gain: float) -> float:
    """The factor of a gain, kept within the range of the kernel's floats; 0 if the token is forbidden."""
    if gain == -np.inf:
        return 0.0
    return float(np.exp(min(max(gain, MIN_GAIN), MAX_GAIN)))


@part
def beyond_factor(gain: float) -> float:
    """The part of a gain that its factor could not hold: 0 except for absurdly large gains."""
    return gain - min(max(gain, MIN_GAIN), MAX_GAIN)
