"""Language models the slow way, for tests: an ARPA file as a dictionary, and Katz's rule by recursion."""

import gzip
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
from hypothesis import strategies as st

from asr.lm.ngram import NGramModel, NGramTable

WordsAndTables: TypeAlias = tuple[list[str], list[NGramTable]]

# A pruned model: `b a c` is there, but not its suffix `a c`. Not in any order.
SMALL = r"""\data\
ngram 1=6
ngram 2=5
ngram 3=4

\1-grams:
-1.2	<unk>
-99	<s>	-0.5
-0.9	</s>
-0.8	b	-0.25
-0.7	a	-0.125
-1.5	c	-0.3

\2-grams:
-0.4	a b	-0.2
-0.3	<s> a	-0.1
-0.6	b </s>
-0.55	b b	0.1
-0.45	b a

\3-grams:
-0.15	<s> a b
-0.35	a b a
-0.1	a b </s>
-0.2	b a c

\end\
"""


class Oracle:
    """Log10-probabilities by the definition."""

    def __init__(self, text: str, *, order: int | None = None) -> None:
        self.log_probs: dict[tuple[str, ...], float] = {}
        self.backoffs: dict[tuple[str, ...], float] = {}
        for line in text.splitlines():
            fields = line.split("\t")
            if len(fields) > 1:
                words = tuple(fields[1].split())
                self.log_probs[words] = float(fields[0])
                self.backoffs[words] = float(fields[2]) if len(fields) > 2 else 0.0
        self.log_probs.setdefault(("<unk>",), -100.0)
        self.order = order or max(map(len, self.log_probs))

    @classmethod
    def read(cls, path: Path) -> Self:
        data = path.read_bytes()
        return cls((gzip.decompress(data) if path.suffix == ".gz" else data).decode())

    def log10_prob(self, context: tuple[str, ...], word: str) -> float:
        if (*context, word) in self.log_probs:
            return self.log_probs[(*context, word)]
        return self.backoffs.get(context, 0.0) + self.log10_prob(context[1:], word)

    def score(self, sentence: Iterable[str]) -> list[tuple[float, bool]]:
        """The log10-probability of each word of a sentence and of its end, and whether the word is unknown."""
        history: tuple[str, ...] = ("<s>",)
        scores = []
        for word in (*sentence, "</s>"):
            known = (word,) in self.log_probs and word != "<unk>"
            shown = word if known else "<unk>"
            context = history[max(0, len(history) - self.order + 1) :] if self.order > 1 else ()
            scores.append((self.log10_prob(context, shown), known))
            history = (*history, shown)
        return scores


def natural_scores(model: NGramModel, sentence: Iterable[str]) -> list[float]:
    """What the model under test says: the natural-log probability of each word of a sentence and of its end."""
    state, scores = model.start_state, []
    for word in (*sentence, "</s>"):
        log_prob, state = model.step(state, model.word_id(word))
        scores.append(log_prob)
    return scores


def assert_same(model: NGramModel, oracle: Oracle, sentence: Sequence[str]) -> None:
    expected = [log_prob * math.log(10) for log_prob, _ in oracle.score(sentence)]
    np.testing.assert_allclose(natural_scores(model, sentence), expected, rtol=1e-5, atol=1e-5)


@st.composite
def random_models(draw: st.DrawFn) -> WordsAndTables:
    """Words and tables of a model of order 1 to 4 over few words: contexts are there, suffixes need not be."""
    words = ["<unk>", "<s>", "</s>", *draw(st.sampled_from([[], ["a"], ["a", "b", "ü"]]))]
    values = st.floats(-5, 0, width=32)
    contexts: list[tuple[int, ...]] = [()]
    tables = []
    order = draw(st.integers(1, 4))
    for length in range(1, order + 1):
        every = sorted((*context, word) for context in contexts for word in range(len(words)))
        kept = every if length == 1 else [row for row in every if draw(st.integers(0, 3)) == 0]
        backoffs = [draw(st.sampled_from([0.0, -0.5, 0.25])) if length < order else 0.0 for _ in kept]
        tables.append(
            NGramTable(
                np.array(kept, dtype=np.int32).reshape(-1, length),
                np.array([draw(values) for _ in kept], dtype=np.float32),
                np.array(backoffs, dtype=np.float32),
            )
        )
        contexts = kept
    return words, tables


def as_text(words: Sequence[str], tables: Sequence[NGramTable]) -> str:
    """The tables as lines that `Oracle` reads, in log10."""
    lines = []
    for table in tables:
        for row, log_prob, backoff in zip(table.words.tolist(), table.log_prob, table.backoff, strict=True):
            ngram = " ".join(words[i] for i in row)
            lines.append(f"{float(log_prob) / math.log(10)!r}\t{ngram}\t{float(backoff) / math.log(10)!r}")
    return "\n".join(lines)


def assert_equal_models(left: NGramModel, right: NGramModel) -> None:
    assert left.vocabulary.words() == right.vocabulary.words()
    for name, a, b in zip(left.tables._fields, left.tables, right.tables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)
        assert a.dtype == b.dtype
    np.testing.assert_array_equal(left.num_states, right.num_states)
