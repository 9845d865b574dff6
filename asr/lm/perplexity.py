"""Perplexity: how well a model predicts text, computed as by KenLM's `query -v summary`."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from asr.compiled import kernel
from asr.errors import LanguageModelError
from asr.lm.ngram import NGramModel
from asr.lm.tables import LMTables, lm_step
from asr.lm.vocabulary import END_ID, START_ID, UNKNOWN_ID

_SENTENCES_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Perplexity:
    """The end of each sentence is a token. Log-probabilities are natural, summed over all tokens."""

    log_prob: float
    log_prob_unknown: float  # the part of unknown words
    num_sentences: int
    num_tokens: int
    num_unknown: int

    @property
    def with_unknown(self) -> float:
        """exp of the mean negative log-probability of a token; unknown words count as `<unk>`."""
        return _exp(-self.log_prob / self.num_tokens)

    @property
    def without_unknown(self) -> float:
        """The same over the words that the model knows."""
        return _exp(-(self.log_prob - self.log_prob_unknown) / (self.num_tokens - self.num_unknown))

    def to_json(self) -> dict[str, float | int]:
        """What `--json` prints."""
        return {
            "perplexity": self.with_unknown,
            "perplexity_without_unknown": self.without_unknown,
            "log_prob": self.log_prob,
            "num_sentences": self.num_sentences,
            "num_tokens": self.num_tokens,
            "num_unknown": self.num_unknown,
        }


def perplexity(model: NGramModel, sentences: Iterable[Sequence[str]]) -> Perplexity:
    """Perplexity on sentences, given without start and end marks; a sentence may be empty.

    Raises:
        LanguageModelError: there are no sentences, or one contains a start or end mark.
    """
    log_prob, log_prob_unknown, num_sentences, num_tokens, num_unknown = 0.0, 0.0, 0, 0, 0
    remaining = iter(sentences)
    while batch := list(islice(remaining, _SENTENCES_AT_ONCE)):
        words, log_probs = word_log_probs(model, batch, num_before=num_sentences)
        log_prob += float(log_probs.sum())
        log_prob_unknown += float(log_probs[words == UNKNOWN_ID].sum())
        num_sentences += len(batch)
        num_tokens += len(words)
        num_unknown += int((words == UNKNOWN_ID).sum())
    if num_sentences == 0:
        raise LanguageModelError("there are no sentences to measure perplexity on")
    return Perplexity(log_prob, log_prob_unknown, num_sentences, num_tokens, num_unknown)


def word_log_probs(
    model: NGramModel, sentences: Sequence[Sequence[str]], *, num_before: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The ids of all words and ends of sentences in a row, int32, and their natural-log probabilities, float64.

    Raises:
        LanguageModelError: a sentence contains a start or end mark; sentences are counted from `num_before`.
    """
    words = _with_ends(model, sentences, num_before=num_before)
    log_probs = np.empty(len(words), dtype=np.float64)
    _score(model.tables, model.start_state, words, log_probs)
    return words, log_probs


def _with_ends(model: NGramModel, sentences: Sequence[Sequence[str]], *, num_before: int) -> np.ndarray:
    """The word ids of all sentences in a row, `END_ID` after each."""
    words = model.word_ids([word for sentence in sentences for word in sentence])
    ends = np.cumsum([len(sentence) for sentence in sentences])
    marks = np.flatnonzero((words == START_ID) | (words == END_ID))
    if len(marks):
        number = num_before + int(np.searchsorted(ends, marks[0], side="right")) + 1
        raise LanguageModelError(
            f"sentence {number} of the text holds {model.vocabulary[int(words[marks[0]])]}; start and end marks "
            "are added, take them out of the text"
        )
    return np.insert(words, ends, END_ID)


@kernel
def _score(tables: LMTables, start_state: int, words: np.ndarray, log_probs: np.ndarray) -> None:
    """The log-probability of each word; after `END_ID` a new sentence starts."""
    state = start_state
    for position in range(len(words)):
        log_probs[position], state = lm_step(tables, state, words[position])
        if words[position] == END_ID:
            state = start_state


def _exp(exponent: float) -> float:
    return math.exp(exponent) if exponent < 700 else math.inf
