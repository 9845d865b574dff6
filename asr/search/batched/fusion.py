"""What one more token adds to the scores of many prefixes at once: `asr/search/fusion/step.py` on tensors, anywhere.

Look-ups by two numbers (the arc of a state and a word, the child of a trie node and a symbol) go through one list of
keys, `first * size + second`, in ascending order: one binary search for all prefixes, and no step that waits for the
device or has a shape that depends on the data.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from asr.search.fusion.tables import BOUNDARY, LEXICON, ROOT, TOKENS, WORDS, FusionTables

_UNKNOWN_WORD, _END_WORD = 0, 2
_NO_KEY = np.iinfo(np.int64).max


class FusionState(NamedTuple):
    """What fusion knows of each prefix; int64, of shapes that can be broadcast together."""

    lm_state: Tensor
    node: Tensor  # of the trie, that the open word has reached
    hotword_state: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class TensorTables:
    """`FusionTables` on a device: make it once (`of`), use it for every batch."""

    unit: int
    alpha: float
    beta: float
    unknown_penalty: float
    start: tuple[int, int, int]  # the `FusionState` of a text's beginning
    symbols: Int[Tensor, "vocab longest"]  # of each token, padded with an extra symbol that changes nothing
    has_boundary: tuple[bool, ...]  # whether any token has a boundary in that column of `symbols`
    token_word: Int[Tensor, "vocab_or_one"]
    child_keys: Int[Tensor, "keys"]  # node * number of symbols + symbol; the last one is never found
    child: Int[Tensor, "keys"]
    trie_word: Int[Tensor, "nodes"]
    depth: Int[Tensor, "nodes"]
    lookahead: Float[Tensor, "nodes"]
    arc_keys: Int[Tensor, "arcs_and_one"]  # state * number of words + word; the last one is never found
    arc_log_prob: Float[Tensor, "arcs"]
    arc_next: Int[Tensor, "arcs"]
    backoff: Float[Tensor, "states"]
    backoff_state: Int[Tensor, "states"]
    num_words: int
    max_backoffs: int  # from any state to the empty context
    hotword_next: Int[Tensor, "hotword_states symbols"]  # with a column for the padding symbol
    hotword_gain: Float[Tensor, "hotword_states symbols"]
    hotword_final: Float[Tensor, "hotword_states"]

    @classmethod
    def of(cls, tables: FusionTables, device: torch.device | str) -> "TensorTables":
        """The same tables on a device."""
        trie, hotwords = tables.trie, tables.hotwords
        symbols, num_symbols = _padded_symbols(tables), hotwords.next.shape[1]
        num_words = int(tables.lm.arc_start[1])  # the empty context has an arc for each
        num_states = len(hotwords.next)

        def put(array: np.ndarray) -> Tensor:  # a copy: language models are mapped from files
            kind = np.int64 if array.dtype.kind == "i" else np.float64
            return torch.from_numpy(np.array(array, kind)).to(device)

        return cls(
            unit=tables.unit,
            alpha=float(tables.alpha),
            beta=float(tables.beta),
            unknown_penalty=float(tables.unknown_penalty),
            start=(int(tables.lm_start), ROOT, int(hotwords.start)),
            symbols=put(symbols),
            has_boundary=tuple((symbols == BOUNDARY).any(axis=0).tolist()),
            token_word=put(tables.tokens.word),
            child_keys=put(_keys(trie.start, trie.symbol, num_symbols)),
            child=put(np.append(trie.child, len(trie.word) - 1)),
            trie_word=put(trie.word),
            depth=put(trie.depth),
            lookahead=put(trie.lookahead),
            arc_keys=put(_keys(tables.lm.arc_start, tables.lm.arc_word, num_words)),
            arc_log_prob=put(tables.lm.arc_log_prob),
            arc_next=put(tables.lm.arc_next),
            backoff=put(tables.lm.backoff),
            backoff_state=put(tables.lm.backoff_state),
            num_words=num_words,
            max_backoffs=_max_backoffs(tables.lm.backoff_state),
            hotword_next=put(np.column_stack([hotwords.next, np.arange(num_states)])),
            hotword_gain=put(np.column_stack([hotwords.gain, np.zeros(num_states)])),
            hotword_final=put(hotwords.final),
        )

    def advance(
        self, before: FusionState, tokens: Int[Tensor, "batch tokens"]
    ) -> tuple[Float[Tensor, "batch beams tokens"], FusionState]:
        """Gain and next state of each prefix, `before` being (batch, beams), with each of the tokens of its utterance.

        The gain is -inf if the lexicon forbids the token.
        """
        lm_state, node, hotword_state = (part[:, :, None] for part in before)
        gain = torch.zeros((*before.node.shape, tokens.shape[1]), dtype=torch.float64, device=tokens.device)
        if self.unit == TOKENS:
            log_prob, lm_state = self._lm_step(lm_state, self.token_word[tokens][:, None])
            gain = self.alpha * log_prob + self.beta
        for column, has_boundary in enumerate(self.has_boundary):
            symbol = self.symbols[:, column][tokens][:, None]
            if self._has_hotwords:
                gain = gain + self.hotword_gain[hotword_state, symbol]
                hotword_state = self.hotword_next[hotword_state, symbol]
            if self._spells_words and has_boundary:
                is_boundary = symbol == BOUNDARY
                word_gain, after_word = self._close_word(lm_state, node, allow_unknown=self.unit == WORDS)
                gain = gain + torch.where(is_boundary, word_gain, 0.0)
                lm_state = torch.where(is_boundary, after_word, lm_state)
            if self._spells_words:
                after = self._next_node(node, symbol)
                is_unknown = (after == len(self.trie_word) - 1) & (symbol != self._no_symbol)
                gain = gain + torch.where(is_unknown, self.unknown_penalty * (self.depth[node] + 1), 0.0)
                node = after
        if self._spells_words:
            gain = gain + self.lookahead[node] - self.lookahead[before.node][:, :, None]
        if self.unit == LEXICON:
            gain = gain.masked_fill(node == len(self.trie_word) - 1, -torch.inf)
        return gain, FusionState(*(part.expand(gain.shape) for part in (lm_state, node, hotword_state)))

    def finish(self, state: FusionState, *, allow_unknown: bool) -> Tensor:
        """The gain of the end of the sentence."""
        lm_state, node, hotword_state = state
        gain = self.hotword_final[hotword_state]
        if self._spells_words:
            word_gain, lm_state = self._close_word(lm_state, node, allow_unknown=allow_unknown)
            gain = gain + word_gain - self.lookahead[node]
        if self._spells_words or self.unit == TOKENS:
            log_prob, _ = self._lm_step(lm_state, torch.full_like(lm_state, _END_WORD))
            gain = gain + self.alpha * log_prob
        return gain

    @property
    def _spells_words(self) -> bool:
        return self.unit in (WORDS, LEXICON)

    @property
    def _no_symbol(self) -> int:
        """The padding symbol, for tokens shorter than the longest."""
        return self.hotword_next.shape[1] - 1

    @property
    def _has_hotwords(self) -> bool:
        return len(self.hotword_next) > 1

    def _next_node(self, node: Tensor, symbol: Tensor) -> Tensor:
        """The child of a node, or the node of unknown words; the root after a boundary."""
        num_symbols = self._no_symbol
        key = node * num_symbols + symbol
        place = torch.searchsorted(self.child_keys, key)
        child = torch.where(self.child_keys[place] == key, self.child[place], len(self.trie_word) - 1)
        child = child.masked_fill(symbol == BOUNDARY, ROOT)
        return torch.where(symbol == num_symbols, node, child)

    def _close_word(self, lm_state: Tensor, node: Tensor, *, allow_unknown: bool) -> tuple[Tensor, Tensor]:
        """(gain, next state) of a boundary after the open word, before the lookahead of that word is taken back."""
        word = self.trie_word[node]
        log_prob, after = self._lm_step(lm_state, word.clamp(min=_UNKNOWN_WORD))
        gain = self.alpha * log_prob + self.beta
        unknown = self.unknown_penalty * self.depth[node] if allow_unknown else -torch.inf
        gain = torch.where(word < 0, gain + unknown, gain)
        return gain.masked_fill(node == ROOT, 0.0), torch.where(node == ROOT, lm_state, after)

    def _lm_step(self, state: Tensor, word: Tensor) -> tuple[Tensor, Tensor]:
        """Natural-log probability of each word after each state, and the state after it."""
        arc, found = self._find_arc(state, word)
        log_prob = torch.zeros_like(arc, dtype=torch.float64)
        for _ in range(self.max_backoffs):
            log_prob = log_prob + torch.where(found, 0.0, self.backoff[state])
            state = torch.where(found, state, self.backoff_state[state])
            arc, found = self._find_arc(state, word)
        return log_prob + self.arc_log_prob[arc], self.arc_next[arc]

    def _find_arc(self, state: Tensor, word: Tensor) -> tuple[Tensor, Tensor]:
        key = state * self.num_words + word
        arc = torch.searchsorted(self.arc_keys, key)
        return arc, self.arc_keys[arc] == key


def _padded_symbols(tables: FusionTables) -> np.ndarray:
    lengths = np.diff(tables.tokens.start)
    no_symbol = tables.hotwords.next.shape[1]
    padded = np.full((len(lengths), lengths.max(initial=0)), no_symbol, np.int64)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = tables.tokens.symbol
    return padded


def _keys(start: np.ndarray, second: np.ndarray, size: int) -> np.ndarray:
    first = np.repeat(np.arange(len(start) - 1), np.diff(start))
    return np.append(first * size + second, _NO_KEY)


def _max_backoffs(backoff_state: np.ndarray) -> int:
    number, states = 0, np.arange(len(backoff_state))
    while states.any():
        number, states = number + 1, backoff_state[states]
    return number
