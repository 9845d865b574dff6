"""Hot words: expected words and phrases get a bonus for each character, taken back if a phrase breaks off.

All phrases are searched for at once by the automaton of Aho & Corasick (1975), over symbols. A phrase has a boundary at
both ends, so "ANN" is not found in "ANNOY". The total bonus of a text is the sum over the phrases that are found whole;
on the way, the bonus of the characters so far is lent to the prefix, so that a phrase is not pruned before its end.
"""

from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from asr.errors import SearchError
from asr.files import read_lines
from asr.search.fusion.lexicon import Symbols
from asr.search.fusion.tables import BOUNDARY, HotwordTables

DEFAULT_WEIGHT = 1.5  # nats for each character
_MAX_WEIGHT = 100.0  # more than any acoustic score could outweigh


def read_hotwords(path: Path) -> dict[str, float]:
    """Phrases from a file: one a line, with its weight after a tab if it is another than `DEFAULT_WEIGHT`.

    Raises:
        SearchError: no such file, no phrases, or a weight that is not a number; names the line.
    """
    hotwords = {}
    for number, line in enumerate(read_lines(path, SearchError), start=1):
        phrase, _, weight = line.partition("\t")
        if not phrase.strip():
            continue
        try:
            hotwords[phrase.strip()] = float(weight) if weight.strip() else DEFAULT_WEIGHT
        except ValueError:
            raise SearchError(f"{path}, line {number}: the weight {weight.strip()!r} is not a number") from None
    if not hotwords:
        raise SearchError(f"{path}: no hot words; expected one a line")
    return hotwords


def build_hotwords(hotwords: Mapping[str, float], symbols: Symbols) -> HotwordTables:
    """The automaton of phrases and their weights: the bonus of each character, as a natural log.

    Raises:
        SearchError: an empty phrase, a character outside the alphabet, or a weight that is no number or too large.
    """
    trie: list[dict[int, int]] = [{}]
    award, lent = [0.0], [0.0]
    for phrase, weight in hotwords.items():
        state, bonus = 0, 0.0
        for symbol in _spell(phrase, weight, symbols):
            lent[state] = max(lent[state], bonus)  # but not at the end, where the phrase is whole and keeps its bonus
            if symbol not in trie[state]:
                trie[state][symbol] = len(trie)
                trie.append({})
                award.append(0.0)
                lent.append(-np.inf)
            state = trie[state][symbol]
            bonus += weight * (symbol != BOUNDARY)
        award[state] += bonus
    return _close(trie, award, lent, symbols.num_symbols)


def _spell(phrase: str, weight: float, symbols: Symbols) -> list[int]:
    words = phrase.split()
    if not words:
        raise SearchError("a hot word is empty; expected a word or a phrase")
    if missing := symbols.characters_missing(phrase):
        raise SearchError(
            f"the hot word {phrase!r} has {missing[0]!r} (U+{ord(missing[0]):04X}), which the model's tokens cannot "
            "write; spell it as the training texts do (upper or lower case, without punctuation)"
        )
    if not abs(weight) <= _MAX_WEIGHT:
        raise SearchError(
            f"the weight of the hot word {phrase!r} is {weight}; expected a number of at most {_MAX_WEIGHT:g}, "
            "such as 1.5"
        )
    flat, starts = symbols.spell(words)
    spelling = [BOUNDARY]
    for start, end in pairwise(starts):
        spelling += [*flat[start:end].tolist(), BOUNDARY]
    return spelling


def _close(trie: list[dict[int, int]], award: list[float], lent: list[float], num_symbols: int) -> HotwordTables:
    """Fill in where the automaton goes from each state with each symbol, shorter suffixes first."""
    num_states = len(trie)
    following = np.zeros((num_states, num_symbols), np.int32)
    queue = deque([0])
    fallback = [0] * num_states
    while queue:
        state = queue.popleft()
        if state:
            award[state] += award[fallback[state]]
            lent[state] = max(lent[state], lent[fallback[state]])
            following[state] = following[fallback[state]]
        for symbol, child in trie[state].items():
            fallback[child] = int(following[state, symbol])
            following[state, symbol] = child
            queue.append(child)
    worth, on_loan = np.array(award), np.array(lent)
    gain = (worth + on_loan)[following] - on_loan[:, None]
    final = worth[following[:, BOUNDARY]] - on_loan
    for children in trie:
        if BOUNDARY in children:  # a second boundary after the first changes nothing, nor does the end
            state = children[BOUNDARY]
            following[state, BOUNDARY], gain[state, BOUNDARY], final[state] = state, 0.0, -on_loan[state]
    return HotwordTables(following, gain, final, int(following[0, BOUNDARY]))
