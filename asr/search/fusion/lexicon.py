"""The lexicon: how tokens and words are spelt in symbols, and the trie of all words of a vocabulary.

A symbol is a character, or the boundary between words. Tokens are spelt in symbols too, so words are found whatever
pieces of sentencepiece they are written with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from asr.compiled import kernel
from asr.search.fusion.tables import BOUNDARY

WORD_START = "\u2581"  # sentencepiece's mark


@dataclass(frozen=True, slots=True)
class Symbols:
    """The symbols of a token vocabulary. Symbol 0 is the boundary, then the characters by code point; the last symbol
    is for tokens that are no text.
    """

    code_points: np.ndarray  # uint32, ascending: the character of symbol i + 1
    token_start: np.ndarray  # int32 [vocab + 1]
    token_symbol: np.ndarray  # int32: token v is token_symbol[token_start[v]:token_start[v + 1]]

    @classmethod
    def of(cls, pieces: Sequence[str]) -> "Symbols":
        """From the pieces of all tokens, the blank first; a piece in angle brackets is no text."""
        texts = [piece for piece in pieces if not _is_no_text(piece)]
        characters = sorted(set("".join(texts)) - {WORD_START})
        number = {character: i for i, character in enumerate(characters, start=1)} | {WORD_START: BOUNDARY}
        spellings = [
            [number[c] for c in piece] if not _is_no_text(piece) else [len(characters) + 1] for piece in pieces
        ]
        spellings[0] = []
        return cls(
            np.array([ord(character) for character in characters], np.uint32),
            np.cumsum([0, *map(len, spellings)], dtype=np.int32),
            np.array([symbol for spelling in spellings for symbol in spelling], np.int32),
        )

    @property
    def num_symbols(self) -> int:
        return len(self.code_points) + 2

    def characters_missing(self, text: str) -> list[str]:
        """The characters of a text that no token can write, in order, each once."""
        known = set(self.code_points.tolist())
        return [c for c in dict.fromkeys(text) if ord(c) not in known and not c.isspace()]

    def spell(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The symbols of all words end to end (-1 for characters that no token writes), and where each begins."""
        points = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), np.uint32)
        starts = np.cumsum([0, *map(len, words)], dtype=np.int64)
        if len(self.code_points) == 0:
            return np.full(len(points), -1, np.int32), starts
        place = np.minimum(np.searchsorted(self.code_points, points), len(self.code_points) - 1)
        return np.where(self.code_points[place] == points, place + 1, -1).astype(np.int32), starts


_NODE = np.dtype(
    [("parent", np.int32), ("symbol", np.int32), ("depth", np.int32), ("word", np.int32), ("best", np.float64)]
)


@dataclass(frozen=True, slots=True)
class Trie:
    """All words, letter by letter: node 0 is the root, the last node stands for words that are not in the trie."""

    parent: np.ndarray  # int32 [nodes]; the root and the last node are their own
    depth: np.ndarray  # int32 [nodes]: letters from the root; 0 for the last node
    letters: np.ndarray  # uint64 [nodes]: bits of the symbols of a node's children, see `letter_bits`
    start: np.ndarray  # int32 [nodes + 1]: the children of a node
    symbol: np.ndarray  # int32, ascending within a node
    child: np.ndarray  # int32
    word: np.ndarray  # int32 [nodes]: the id of the word that ends here, or -1
    best: np.ndarray  # float64 [nodes]: the highest log-probability of the words that end here or below

    @classmethod
    def of(cls, symbols: Symbols, words: Sequence[str], ids: np.ndarray, log_probs: np.ndarray) -> "tuple[Trie, int]":
        """The trie of the words that the tokens can write; of equal words, the last counts. Also how many words with an
        id above 0 (the id of the unknown word) they can write.
        """
        order = sorted(range(len(words)), key=words.__getitem__)  # by code point, and so by symbol
        flat, starts = symbols.spell([words[i] for i in order])
        unwritable = np.add.reduceat(np.append(flat < 0, False), starts[:-1]) > 0 if len(words) else np.zeros(0, bool)
        unwritable |= starts[1:] == starts[:-1]
        nodes = np.zeros(len(flat) + 2, _NODE)
        nodes["word"], nodes["best"] = -1, -np.inf
        path = np.zeros(len(flat) + 1, np.int64)
        num_nodes = 1 + _grow_trie(
            flat, starts, unwritable, ids[order].astype(np.int32), log_probs[order].astype(np.float64), nodes, path
        )
        parent, symbol, depth, word, best = (nodes[name][:num_nodes].copy() for name in _NODE.names or ())
        by_parent = np.argsort(parent[1:-1], kind="stable").astype(np.int32) + 1  # symbols ascend already
        start = np.zeros(num_nodes + 1, np.int32)
        np.cumsum(np.bincount(parent[1:-1], minlength=num_nodes), out=start[1:])
        letters = np.zeros(num_nodes, np.uint64)
        np.bitwise_or.at(letters, parent[1:-1], letter_bits(symbol[1:-1]))
        parent[0], parent[-1] = 0, num_nodes - 1
        trie = cls(parent, depth, letters, start, symbol[by_parent], by_parent.astype(np.int32), word, best)
        return trie, int((~unwritable & (ids[order] > 0)).sum())

    def with_words(self, symbols: Symbols, words: Sequence[str], log_prob: float) -> "Trie":
        """The trie with a few more words, each with this log-probability and id 0, that of the unknown word; words that
        are there already, and those that the tokens cannot write, change nothing.

        Takes time linear in the nodes of the trie, but far less than building it anew.
        """
        num_old = len(self.word) - 1  # the last node moves behind the new ones
        grown: dict[tuple[int, int], int] = {}
        paths = []
        flat, starts = symbols.spell(words)
        for first, end in pairwise(starts.tolist()):
            spelling, path = flat[first:end].tolist(), [0]
            if spelling and min(spelling) >= 0:
                for symbol in spelling:
                    child = self._child(path[-1], symbol)
                    path.append(grown.setdefault((path[-1], symbol), num_old + len(grown)) if child < 0 else child)
                paths.append(path)
        if not grown and all(self.word[path[-1]] >= 0 for path in paths):
            return self
        larger = self._with_nodes(sorted((*place, node) for place, node in grown.items()))
        for path in paths:
            if larger.word[path[-1]] < 0:
                larger.word[path[-1]] = 0
                larger.best[path] = np.maximum(larger.best[path], log_prob)
        return larger

    def _child(self, node: int, symbol: int) -> int:
        """-1 if there is none, as for a node that is not there yet."""
        if node >= len(self.word) - 1:
            return -1
        place = self.start[node] + np.searchsorted(self.symbol[self.start[node] : self.start[node + 1]], symbol)
        found = place < self.start[node + 1] and self.symbol[place] == symbol
        return int(self.child[place]) if found else -1

    def _with_nodes(self, new: Sequence[tuple[int, int, int]]) -> "Trie":
        """The trie with new nodes, which end no word yet: (parent, symbol, number) in ascending order."""
        parent, symbol, child = np.array(new, np.int32).reshape(-1, 3).T
        num_old = len(self.word) - 1

        def longer(values: np.ndarray, fill: int | float) -> np.ndarray:
            return np.concatenate([values[:-1], np.full(len(new), fill, values.dtype), values[-1:]])

        larger_parent, depth, letters = longer(self.parent, 0), longer(self.depth, 0), longer(self.letters, 0)
        larger_parent[child], larger_parent[-1] = parent, num_old + len(new)
        for number in sorted(child.tolist()):  # parents have lower numbers
            depth[number] = depth[larger_parent[number]] + 1
        np.bitwise_or.at(letters, parent, letter_bits(symbol))
        num_children = longer(np.diff(self.start), 0)
        np.add.at(num_children, parent, 1)
        places = [
            self.start[p] + np.searchsorted(self.symbol[self.start[p] : self.start[p + 1]], s)
            if p < num_old
            else len(self.child)
            for p, s, _ in new
        ]
        return Trie(
            larger_parent,
            depth,
            letters,
            np.concatenate([[0], np.cumsum(num_children)], dtype=np.int32),
            np.insert(self.symbol, places, symbol),
            np.insert(self.child, places, child),
            longer(self.word, -1),
            longer(self.best, -np.inf),
        )


def letter_bits(symbols: np.ndarray) -> np.ndarray:
    """One bit for each symbol, uint64. In alphabets of more than 64 symbols some share a bit: a bit that is not set
    proves that the symbol is absent, one that is set proves nothing.
    """
    bits: np.ndarray = np.left_shift(np.uint64(1), (symbols % 64).astype(np.uint64))
    return bits


@kernel
def _grow_trie(
    flat: np.ndarray,
    starts: np.ndarray,
    left_out: np.ndarray,
    ids: np.ndarray,
    log_probs: np.ndarray,
    nodes: np.ndarray,
    path: np.ndarray,
) -> int:
    """Fill in the nodes for sorted words; returns their number. `path` is working space: the nodes of the last word."""
    nodes[0].parent, nodes[0].symbol, num_nodes, depth = -1, -1, 1, 0
    for w in range(len(starts) - 1):
        if left_out[w]:
            continue
        length, shared = starts[w + 1] - starts[w], 0
        while shared < min(depth, length) and nodes[path[shared + 1]].symbol == flat[starts[w] + shared]:
            shared += 1
        for position in range(shared, length):
            node = nodes[num_nodes]
            node.parent, node.symbol, node.depth = path[position], flat[starts[w] + position], position + 1
            path[position + 1] = num_nodes
            num_nodes += 1
        depth = length
        nodes[path[depth]].word, nodes[path[depth]].best = ids[w], log_probs[w]
    for number in range(num_nodes - 1, 0, -1):  # children have higher numbers than their parents
        node = nodes[number]
        nodes[node.parent].best = max(nodes[node.parent].best, node.best)
    nodes[num_nodes].parent, nodes[num_nodes].symbol = -1, -1
    return num_nodes


def _is_no_text(piece: str) -> bool:
    return len(piece) > 2 and piece.startswith("<") and piece.endswith(">")
