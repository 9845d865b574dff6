"""The tagger: a bidirectional LSTM over words (Tilk & Alumäe 2016), in NumPy. `recipes/english/punctuation.py` trains
it.

A word is the sum of its own vector, if it was frequent in training, and the mean vector of its letters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from asr.settings import Settings
from asr.text.letters import letter_buckets
from asr.text.tags import CASES, MARKS

NUM_OUTPUTS = len(MARKS) + len(CASES)


class TaggerSettings(Settings):
    """How the network is used."""

    left: int = 32
    """Words before those that are decided, which the network sees."""
    step: int = 16
    """Words that are decided at once."""
    right: int = 16
    """Words after those that are decided: the look-ahead."""
    mark_bonuses: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Added to the natural-log probabilities of no mark, comma, full stop, question mark; chosen on dev."""
    pause_weight: float = 0.0
    """What a second of pause adds to the natural-log probability of each mark."""
    usual_pause: float = 0.0
    """Seconds; a shorter pause makes marks less likely."""


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """An LSTM of one direction with H cells and 4 H gates, in the order input, forget, cell, output, as in PyTorch."""

    inputs: Float32[ndarray, "gates inputs"]
    recurrent: Float32[ndarray, "gates H"]
    bias: Float32[ndarray, "gates"]

    def run(
        self, inputs: Float32[ndarray, "rows time inputs"], present: Bool[ndarray, "rows time"]
    ) -> Float32[ndarray, "rows time H"]:
        """The outputs. Where nothing is `present` the state is zero, as before the first word."""
        rows, time, _ = inputs.shape
        size = self.recurrent.shape[1]
        gates = inputs @ self.inputs.T + self.bias
        outputs = np.zeros((rows, time, size), np.float32)
        hidden, cells = np.zeros((2, rows, size), np.float32)
        for t in range(time):
            now = gates[:, t] + hidden @ self.recurrent.T
            entry, forget, output = (_sigmoid(now[:, k * size : (k + 1) * size]) for k in (0, 1, 3))
            cells = (forget * cells + entry * np.tanh(now[:, 2 * size : 3 * size])) * present[:, t, None]
            hidden = output * np.tanh(cells)
            outputs[:, t] = hidden
        return outputs


@dataclass(frozen=True, slots=True, eq=False)
class Tagger:
    """All of a tagger. `vocabulary`: the words with vectors, in lower case; `mixed`: lower-case word -> its form in
    mixed letters, such as McDonald.
    """

    settings: TaggerSettings
    vocabulary: tuple[str, ...]
    mixed: Mapping[str, str]
    words: Float32[ndarray, "words size"]
    letters: Float32[ndarray, "buckets size"]
    layers: Sequence[tuple[Direction, Direction]]
    output: Float32[ndarray, "8 cells"]
    output_bias: Float32[ndarray, "8"]
    _places: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        places = {word: place for place, word in enumerate(self.vocabulary)}
        object.__setattr__(self, "_places", MappingProxyType(places))

    def vector(self, word: str) -> Float32[ndarray, "size"]:
        """What the network sees of a word."""
        vector: Float32[ndarray, "size"] = self.letters[letter_buckets(word, len(self.letters))].mean(axis=0)
        place = self._places.get(word.lower())
        return vector if place is None else vector + self.words[place]

    def log_probs(
        self, vectors: Float32[ndarray, "rows time size"], present: Bool[ndarray, "rows time"]
    ) -> Float32[ndarray, "rows time 8"]:
        """Natural-log probabilities of the marks (first four) and of the cases of each word that is present; where none
        is, before and after the words of a row, the numbers mean nothing.
        """
        hidden = vectors
        for forward, backward in self.layers:
            back = backward.run(hidden[:, ::-1], present[:, ::-1])[:, ::-1]
            hidden = np.concatenate([forward.run(hidden, present), back], axis=2)
        scores = hidden @ self.output.T + self.output_bias
        marks, cases = scores[..., : len(MARKS)], scores[..., len(MARKS) :]
        return np.concatenate([_log_softmax(marks), _log_softmax(cases)], axis=2)


def _sigmoid(values: Float32[ndarray, "..."]) -> Float32[ndarray, "..."]:
    half: Float32[ndarray, "..."] = np.float32(0.5) * np.tanh(np.float32(0.5) * values)  # exp would overflow
    return half + np.float32(0.5)


def _log_softmax(scores: Float32[ndarray, "... n"]) -> Float32[ndarray, "... n"]:
    lower: Float32[ndarray, "... n"] = scores - scores.max(axis=-1, keepdims=True)
    found: Float32[ndarray, "... n"] = lower - np.log(np.exp(lower).sum(axis=-1, keepdims=True))
    return found
