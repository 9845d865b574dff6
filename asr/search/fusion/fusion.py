"""Shallow fusion: a language model and hot words take part in the search (Hannun et al. 2014; Hori et al. 2017).

score(text) = log P(text | sound) + alpha * log P_lm(text) + beta * number of words + bonus of the hot words
"""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Literal

import numpy as np
from pydantic import Field

from asr.lm.ngram import LMTables, NGramModel
from asr.search.fusion.hotwords import build_hotwords
from asr.search.fusion.lexicon import Symbols, Trie, letter_bits
from asr.search.fusion.model import FusionModel
from asr.search.fusion.tables import (
    BOUNDARY,
    LEXICON,
    MAX_GAIN,
    MIN_GAIN,
    NO_LM,
    TOKENS,
    WORDS,
    FusionTables,
    TokenTables,
    TrieTables,
)
from asr.settings import Settings

_UNITS = {"word": WORDS, "lexicon": LEXICON, "token": TOKENS}


class FusionSettings(Settings):
    """How a language model takes part."""

    unit: Literal["word", "lexicon", "token"] = "word"
    """What the language model counts: words, others being allowed too; words and no others; or tokens."""
    alpha: float = Field(0.5, ge=0, le=10)
    """Weight of the language model."""
    beta: float = Field(1.0, ge=-20, le=20)
    """Bonus of each word (or token), in nats."""
    unknown_penalty: float = Field(-1.5, ge=-100, le=0)
    """For each letter of a word that the language model does not know, in nats."""


class Fusion:
    """A language model and hot words, prepared for the tokens of one acoustic model.

    `pieces`: the pieces of all tokens, the blank first. `lexicon`: further words to allow, such as a dictionary's.
    `hotwords`: words and phrases with the bonus of each of their characters (a natural log). `tables` is what the
    search reads.

    Raises:
        LanguageModelError: the tokens can write hardly any of the language model's words.
        SearchError: a hot word cannot be written with the tokens.
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
        self._set(FusionModel(pieces, language_model, lexicon), settings or FusionSettings(), hotwords or {})

    def _set(self, model: FusionModel, settings: FusionSettings, hotwords: Mapping[str, float]) -> None:
        self._model, self._settings, self._phrases = model, settings, dict(hotwords)
        self._hotwords = build_hotwords(hotwords, model.symbols)
        self.tables = self.weighted(settings)

    def replace(
        self, *, settings: FusionSettings | None = None, hotwords: Mapping[str, float] | None = None
    ) -> "Fusion":
        """The same language model with other settings or hot words; those that are None stay. What depends on the
        language model alone, such as the trie of its words, is shared.

        Raises:
            LanguageModelError, SearchError: as the constructor.
        """
        other = object.__new__(Fusion)
        other._set(
            self._model,
            self._settings if settings is None else settings,
            self._phrases if hotwords is None else hotwords,
        )
        return other

    def weighted(self, settings: FusionSettings) -> FusionTables:
        """The tables with other settings."""
        lm = self._model.language_model
        unit = NO_LM if lm is None else _UNITS[settings.unit]
        per_symbol = max(0.0, float(self._hotwords.gain.max()))
        symbols = self._model.symbols
        return FusionTables(
            unit=unit,
            is_plain=unit == NO_LM and not self._phrases,
            has_trie=unit in (WORDS, LEXICON),
            alpha=settings.alpha,
            beta=settings.beta,
            unknown_penalty=settings.unknown_penalty,
            max_gain=MAX_GAIN
            if _has_inner_boundary(symbols)
            else min(
                MAX_GAIN,
                per_symbol * int(np.diff(symbols.token_start).max(initial=1))
                + (max(0.0, settings.beta) if unit == TOKENS else 0.0),
            ),
            tokens=TokenTables(
                start=symbols.token_start,
                symbol=symbols.token_symbol,
                ends_word=_has_boundary(symbols),
                first_letter=_first_letters(symbols),
                is_letter=_is_letter(symbols) & (unit in (WORDS, LEXICON)) & (not self._phrases),
                word=self._model.token_words if unit == TOKENS else np.zeros(1, np.int32),
            ),
            trie=_weighted_trie(self._trie if unit in (WORDS, LEXICON) else _NO_TRIE, settings, self._model, unit),
            lm=_NO_LM_TABLES if lm is None else lm.tables,
            lm_start=0 if lm is None else int(lm.start_state),
            hotwords=self._hotwords,
        )

    @cached_property
    def _trie(self) -> Trie:
        """Of the words of the language model, and of the hot words."""
        words = [word for phrase in self._phrases for word in phrase.split()]
        return self._model.trie.with_words(self._model.symbols, words, self._model.unknown_log_prob)


def _weighted_trie(trie: Trie, settings: FusionSettings, model: FusionModel, unit: int) -> TrieTables:
    unknown = settings.alpha * model.unknown_log_prob
    best = trie.best.copy()
    best[0] = best[-1] = 0.0  # of the root, and of words that are not in the trie
    lookahead = settings.alpha * best
    lookahead[-1] = unknown
    if unit == WORDS:
        # Any word can still become one that is not in the trie.
        lookahead[1:] = np.maximum(lookahead[1:], unknown + settings.unknown_penalty * trie.depth[1:])
    gain = lookahead - lookahead[trie.parent]
    return TrieTables(
        letters=trie.letters,
        start=trie.start,
        symbol=trie.symbol,
        child=trie.child,
        word=trie.word,
        depth=trie.depth,
        lookahead=lookahead,
        step_factor=np.where(gain > -np.inf, np.exp(np.clip(gain, MIN_GAIN, MAX_GAIN)), 0.0),
    )


@cache
def no_fusion(vocab: int) -> FusionTables:
    """The tables of a search over `vocab` tokens without language model and hot words."""
    return Fusion(["<blank>"] * vocab).tables


def _has_boundary(symbols: Symbols) -> np.ndarray:
    starts, is_boundary = symbols.token_start, symbols.token_symbol == 0
    totals = np.concatenate([[0], np.cumsum(is_boundary)])
    has_boundary: np.ndarray = totals[starts[1:]] > totals[starts[:-1]]
    return has_boundary


def _first_letters(symbols: Symbols) -> np.ndarray:
    """The blank, which has no symbols, gets the bit of the boundary, which is never looked at."""
    first = np.append(symbols.token_symbol, BOUNDARY)[symbols.token_start[:-1]]
    return letter_bits(np.where(np.diff(symbols.token_start) > 0, first, BOUNDARY))


def _has_inner_boundary(symbols: Symbols) -> bool:
    """Whether a token has a boundary after a letter, so that its score depends on the word that it ends itself."""
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
