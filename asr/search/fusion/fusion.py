"""Shallow fusion: a language model and hot words take part in the search (Hannun et al. 2014; Hori et al. 2017).

score(text) = log P(text | sound) + alpha * log P_lm(text) + beta * number of words + bonus of the hot words
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

import numpy as np
from pydantic import Field

from asr.errors import LanguageModelError
from asr.lm.ngram import LMTables, NGramModel
from asr.search.fusion.hotwords import build_hotwords
from asr.search.fusion.lexicon import WORD_START, Symbols, Trie, letter_bits
from asr.search.fusion.step import BOUNDARY, LEXICON, MAX_GAIN, NO_LM, TOKENS, WORDS, FusionTables
from asr.settings import Settings

_UNITS = {"word": WORDS, "lexicon": LEXICON, "token": TOKENS}
_NUM_SPECIAL_WORDS = 3  # <unk>, <s>, </s>


class FusionSettings(Settings):
    """How a language model takes part."""

    unit: Literal["word", "lexicon", "token"] = "word"
    """The language model counts words, and others may be spelt too; words and no others; or tokens."""
    alpha: float = Field(0.5, ge=0, le=10)
    """Weight of the language model."""
    beta: float = Field(1.0, ge=-20, le=20)
    """Bonus of each word (or token), in nats."""
    unknown_penalty: float = Field(-1.5, ge=-100, le=0)
    """For each letter of a word that the language model does not know, in nats."""


class Fusion:
    """A language model and hot words, made ready for the tokens of one acoustic model.

    `pieces`: the pieces of all tokens, the blank first. `lexicon`: words to allow beside those of the language model,
    such as a dictionary's. `hotwords`: words and phrases with the bonus of each of their characters (a natural log).

    Raises:
        LanguageModelError: the tokens can write hardly any of the language model's words.
        SearchError: a hot word can not be written with the tokens.
    """

    def __init__(
        self,
        pieces: Sequence[str],
        language_model: NGramModel | None = None,
        *,
        settings: FusionSettings | None = None,
        lexicon: Sequence[str] = (),
        hotwords: Mapping[str, float] | None = None,
    ) -> None:
        self._symbols = Symbols.of(pieces)
        self._hotwords = build_hotwords(hotwords or {}, self._symbols)
        self._language_model = language_model
        self._extra_words = [*lexicon, *(word for phrase in hotwords or {} for word in phrase.split())]
        self._trie, self._token_words = _NO_TRIE, np.zeros(1, np.int32)
        settings = settings or FusionSettings()
        if language_model is not None and settings.unit == "token":
            self._token_words = _token_words(pieces, language_model)
        elif language_model is not None:
            self._trie = self._build_trie(language_model)
        self.tables = self.weighted(settings)

    def weighted(self, settings: FusionSettings) -> FusionTables:
        """The tables with other weights: all but `unit` may differ from the settings that this was built with."""
        lm = self._language_model
        unit = NO_LM if lm is None else _UNITS[settings.unit]
        tables = _NO_LM_TABLES if lm is None else lm.tables
        unknown = settings.alpha * float(tables.arc_log_prob[0])
        best = self._trie.best.copy()
        best[0] = best[-1] = 0.0  # of the root, and of words that are not there
        lookahead = settings.alpha * best
        lookahead[-1] = unknown
        if unit == WORDS:
            # Any word can still become one that is not there.
            lookahead[1:] = np.maximum(lookahead[1:], unknown + settings.unknown_penalty * self._trie.depth[1:])
        per_symbol = max(0.0, float(self._hotwords.gain.max()))
        symbols = self._symbols
        return FusionTables(
            unit=unit,
            is_plain=unit == NO_LM and len(self._hotwords.next) == 1,
            alpha=settings.alpha,
            beta=settings.beta,
            unknown=settings.unknown_penalty,
            token_start=symbols.token_start,
            token_symbol=symbols.token_symbol,
            ends_word=_has_boundary(symbols),
            first_letter=_first_letters(symbols),
            is_letter=_is_letter(symbols) & (unit in (WORDS, LEXICON)) & (len(self._hotwords.next) == 1),
            has_trie=unit in (WORDS, LEXICON),
            trie_letters=self._trie.letters,
            trie_start=self._trie.start,
            trie_symbol=self._trie.symbol,
            trie_child=self._trie.child,
            trie_word=self._trie.word,
            depth=self._trie.depth,
            lookahead=lookahead,
            entering=np.exp(lookahead - lookahead[self._trie.parent]),
            token_word=self._token_words,
            lm=tables,
            lm_start=0 if lm is None else int(lm.start_state),
            hot_next=self._hotwords.next,
            hot_gain=self._hotwords.gain,
            hot_final=self._hotwords.final,
            hot_start=self._hotwords.start,
            bound=MAX_GAIN
            if _has_inner_boundary(symbols)
            else min(
                MAX_GAIN,
                per_symbol * int(np.diff(symbols.token_start).max(initial=1))
                + (max(0.0, settings.beta) if unit == TOKENS else 0.0),
            ),
        )

    def _build_trie(self, language_model: NGramModel) -> Trie:
        words = language_model.vocabulary.words()[_NUM_SPECIAL_WORDS:]
        if WORD_START in words or 10 * sum(WORD_START in word for word in words) > len(words):
            raise LanguageModelError(
                f"the language model counts tokens, for it has {WORD_START!r} in its vocabulary; set unit to token"
            )
        ids = np.arange(_NUM_SPECIAL_WORDS, _NUM_SPECIAL_WORDS + len(words), dtype=np.int32)
        log_probs = np.asarray(language_model.tables.arc_log_prob[: len(words) + _NUM_SPECIAL_WORDS], np.float64)
        extra = self._extra_words
        trie, num_writable = Trie.of(
            self._symbols,
            [*extra, *words],
            np.concatenate([np.zeros(len(extra), np.int32), ids]),
            np.concatenate([np.full(len(extra), log_probs[0]), log_probs[_NUM_SPECIAL_WORDS:]]),
        )
        if 2 * num_writable < len(words):
            example = next((word for word in words if self._symbols.characters_missing(word)), words[0])
            raise LanguageModelError(
                f"the acoustic model's tokens can write only {num_writable} of the "
                f"{len(words)} words of the language model, and not {example!r}; estimate it on text that is written "
                "as the training texts are (upper or lower case, punctuation), or set unit to token for one of tokens"
            )
        return trie


@cache
def no_fusion(vocab: int) -> FusionTables:
    """The tables of a search without language model and hot words, for so many tokens."""
    return Fusion(["<blank>"] * vocab).tables


def _token_words(pieces: Sequence[str], language_model: NGramModel) -> np.ndarray:
    words = np.asarray(language_model.word_ids(list(pieces)), np.int32)
    if any(WORD_START in piece for piece in pieces) and WORD_START not in "".join(language_model.vocabulary.words()):
        raise LanguageModelError(
            f"the language model counts words, for none of its vocabulary has {WORD_START!r}; estimate one with "
            "--tokens, or set unit to word"
        )
    known = int((words[2:] >= _NUM_SPECIAL_WORDS).sum())
    if 2 * known < len(pieces) - 2:
        raise LanguageModelError(
            f"the language model knows {known} of the {len(pieces) - 2} tokens of the acoustic model; estimate it with "
            "--tokens, or set unit to word for one of words"
        )
    return words


def _has_boundary(symbols: Symbols) -> np.ndarray:
    starts, is_boundary = symbols.token_start, symbols.token_symbol == 0
    totals = np.concatenate([[0], np.cumsum(is_boundary)])
    has_boundary: np.ndarray = totals[starts[1:]] > totals[starts[:-1]]
    return has_boundary


def _first_letters(symbols: Symbols) -> np.ndarray:
    """The blank, which has no symbols, gets the bit of the boundary; it is never asked for."""
    first = np.append(symbols.token_symbol, BOUNDARY)[symbols.token_start[:-1]]
    return letter_bits(np.where(np.diff(symbols.token_start) > 0, first, BOUNDARY))


def _has_inner_boundary(symbols: Symbols) -> bool:
    """Whether a token has a boundary after a letter: how it scores depends on the word that it ends itself."""
    is_inner = np.ones(len(symbols.token_symbol), bool)
    is_inner[symbols.token_start[:-1][np.diff(symbols.token_start) > 0]] = False
    return bool((is_inner & (symbols.token_symbol == BOUNDARY)).any())


def _is_letter(symbols: Symbols) -> np.ndarray:
    is_letter: np.ndarray = (np.diff(symbols.token_start) == 1) & ~_has_boundary(symbols)
    return is_letter


_NO_TRIE = Trie(
    parent=np.zeros(2, np.int32),
    depth=np.zeros(2, np.int32),
    letters=np.zeros(2, np.uint64),
    start=np.zeros(3, np.int32),
    symbol=np.zeros(0, np.int32),
    child=np.zeros(0, np.int32),
    word=np.full(2, -1, np.int32),
    best=np.full(2, -np.inf),
)
_NO_LM_TABLES = LMTables(
    arc_start=np.array([0, 3], np.int64),
    backoff=np.zeros(1, np.float32),
    backoff_state=np.zeros(1, np.int32),
    arc_word=np.arange(3, dtype=np.int32),
    arc_log_prob=np.zeros(3, np.float32),
    arc_next=np.zeros(3, np.int32),
)
