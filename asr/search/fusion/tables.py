"""All that fusion reads, as arrays: records for tokens, words, language model and hot words.

`fusion.py` builds them; `step.py`, in the search kernel, and the tensor search read them.
"""

from typing import NamedTuple

import numpy as np

from asr.compiled import part
from asr.lm.tables import LMTables

NO_LM, WORDS, LEXICON, TOKENS = 0, 1, 2, 3  # what the language model counts, and whether other words are allowed
BOUNDARY = 0  # the symbol between two words
ROOT = 0  # of the trie: no word is open
MAX_GAIN, MIN_GAIN = 600.0, -500.0  # nats of a token, the range that the kernel's floats can hold


class TokenTables(NamedTuple):
    """How tokens are spelt in symbols: characters, or BOUNDARY."""

    start: np.ndarray  # int32 [vocab + 1]: the symbols of token v are symbol[start[v]:start[v + 1]]
    symbol: np.ndarray  # int32
    ends_word: np.ndarray  # bool [vocab]: the token has a boundary in it
    first_letter: np.ndarray  # uint64 [vocab]: the bit of the token's first symbol, as in `TrieTables.letters`
    is_letter: np.ndarray  # bool [vocab]: the token is one letter of a word, and there are no hot words
    word: np.ndarray  # int32 [vocab]: the word of the language model that a token is, if that counts tokens


class TrieTables(NamedTuple):
    """All words, letter by letter: node 0 is the root, the last node stands for words that are not in the trie."""

    letters: np.ndarray  # uint64 [nodes]: the bits (symbol modulo 64) of the symbols that the node's children have
    start: np.ndarray  # int32 [nodes + 1]: the children of node n are child[start[n]:start[n + 1]]
    symbol: np.ndarray  # int32 [nodes - 2]: of each child, ascending within a node
    child: np.ndarray  # int32 [nodes - 2]
    word: np.ndarray  # int32 [nodes]: the word that ends here, -1 for none
    depth: np.ndarray  # int32 [nodes]: letters from the root; 0 for the last node, whose letters were charged already
    lookahead: np.ndarray  # float64 [nodes]: the best unigram score of the words below; 0 at the root
    step_factor: np.ndarray  # float64 [nodes]: the factor of the letter that leads to this node


class HotwordTables(NamedTuple):
    """The automaton of hot words. Gains are natural logs; `start` is the state at the beginning of a text."""

    next: np.ndarray  # int32 [states, symbols]
    gain: np.ndarray  # float64 [states, symbols]
    final: np.ndarray  # float64 [states]: the gain of the end of the text
    start: int


class FusionTables(NamedTuple):
    """All that fusion reads. Scores are natural logs, already weighted, unless said otherwise."""

    unit: int
    is_plain: bool  # there is no language model and no hot word: nothing is ever added
    has_trie: bool  # the language model counts words
    alpha: float  # weight of the language model
    beta: float  # added for each word (or token, for a language model of tokens)
    unknown_penalty: float  # added for each letter of a word that is not in the trie
    max_gain: float  # no token without a boundary ever gains more than this
    tokens: TokenTables
    trie: TrieTables
    lm: LMTables
    lm_start: int  # state of the language model at the beginning of a text
    hotwords: HotwordTables


@part
def find_child(trie: TrieTables, node: int, symbol: int) -> int:
    """The child of a trie node, or the node of unknown words."""
    low, end = trie.start[node], trie.start[node + 1]
    high = end
    while low < high:
        middle = (low + high) // 2
        if trie.symbol[middle] < symbol:
            low = middle + 1
        else:
            high = middle
    if low < end and trie.symbol[low] == symbol:
        return int(trie.child[low])
    return len(trie.word) - 1
