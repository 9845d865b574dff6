"""What fusion needs from a language model and the tokens that spell it, independent of weights and hot words."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from asr.errors import LanguageModelError
from asr.lm.ngram import NGramModel
from asr.search.fusion.lexicon import WORD_START, Symbols, Trie

_NUM_SPECIAL_WORDS = 3  # <unk>, <s>, </s>


class FusionModel:
    """A language model beside the tokens of an acoustic model. Both views of it, as a trie of words and as tokens, are
    made when they are first asked for.
    """

    def __init__(self, pieces: Sequence[str], language_model: NGramModel | None, lexicon: Sequence[str]) -> None:
        self.symbols = Symbols.of(pieces)
        self.language_model = language_model
        self.unknown_log_prob = 0.0 if language_model is None else float(language_model.tables.arc_log_prob[0])
        self._pieces, self._lexicon = tuple(pieces), tuple(lexicon)

    @cached_property
    def trie(self) -> Trie:
        """The trie of the words of the language model and the lexicon.

        Raises:
            LanguageModelError: the language model counts tokens, or the tokens can write hardly any of its words.
        """
        assert self.language_model is not None
        words = self.language_model.vocabulary.words()[_NUM_SPECIAL_WORDS:]
        if WORD_START in words or 10 * sum(WORD_START in word for word in words) > len(words):
            raise LanguageModelError(
                f"the language model counts tokens, as it has {WORD_START!r} in its vocabulary; set unit to token"
            )
        ids = np.arange(_NUM_SPECIAL_WORDS, _NUM_SPECIAL_WORDS + len(words), dtype=np.int32)
        log_probs = np.asarray(self.language_model.tables.arc_log_prob[: len(words) + _NUM_SPECIAL_WORDS], np.float64)
        others = len(self._lexicon)
        trie, num_writable = Trie.of(
            self.symbols,
            [*self._lexicon, *words],
            np.concatenate([np.zeros(others, np.int32), ids]),
            np.concatenate([np.full(others, self.unknown_log_prob), log_probs[_NUM_SPECIAL_WORDS:]]),
        )
        if 2 * num_writable < len(words):
            example = next((word for word in words if self.symbols.characters_missing(word)), words[0])
            raise LanguageModelError(
                f"the acoustic model's tokens can write only {num_writable} of the "
                f"{len(words)} words of the language model, and not {example!r}; estimate it on text that is written "
                "as the training texts are (upper or lower case, punctuation), or set unit to token for one of tokens"
            )
        return trie

    @cached_property
    def token_words(self) -> np.ndarray:
        """For each token the word of a language model that counts tokens, int32 [vocab].

        Raises:
            LanguageModelError: the language model counts words, or knows hardly any of the tokens.
        """
        assert self.language_model is not None
        pieces, vocabulary = self._pieces, self.language_model.vocabulary
        words = np.asarray(self.language_model.word_ids(list(pieces)), np.int32)
        if any(WORD_START in piece for piece in pieces) and WORD_START not in "".join(vocabulary.words()):
            raise LanguageModelError(
                f"the language model counts words, as none of its vocabulary has {WORD_START!r}; estimate one with "
                "--tokens, or set unit to word"
            )
        known = int((words[2:] >= _NUM_SPECIAL_WORDS).sum())
        if 2 * known < len(pieces) - 2:
            raise LanguageModelError(
                f"the language model knows {known} of the {len(pieces) - 2} tokens of the acoustic model; estimate it "
                "with --tokens, or set unit to word for one of words"
            )
        return words
