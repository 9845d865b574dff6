"""The graph of states, against a dictionary of n-grams and Katz's rule written down (tests/support/arpa_oracle.py)."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numpy.typing import ArrayLike

from asr.compiled import kernel
from asr.errors import LanguageModelError
from asr.lm.ngram import NGramModel, NGramTable, Vocabulary, lm_step
from asr.lm.tables import LMTables
from tests.support.arpa_oracle import Oracle, WordsAndTables, as_text, assert_same, random_models

WORDS = ["<unk>", "<s>", "</s>", "a", "b"]


def table(rows: ArrayLike, log_probs: ArrayLike | None = None, backoffs: ArrayLike | None = None) -> NGramTable:
    words = np.array(rows, dtype=np.int32)
    log_probs = np.full(len(words), -1.0) if log_probs is None else log_probs
    backoffs = np.zeros(len(words)) if backoffs is None else backoffs
    return NGramTable(words, np.array(log_probs, dtype=np.float32), np.array(backoffs, dtype=np.float32))


UNIGRAMS = table([[0], [1], [2], [3], [4]])
BIGRAMS = table([[1, 3], [3, 2], [3, 4]])


@settings(max_examples=60)
@given(random_models(), st.lists(st.lists(st.sampled_from(["a", "b", "ü", "<unk>", "zz"]), max_size=8), max_size=5))
def test_every_walk_has_the_probabilities_of_the_definition(
    words_and_tables: WordsAndTables, sentences: list[list[str]]
) -> None:
    words, tables = words_and_tables
    model, oracle = NGramModel.from_ngrams(words, tables), Oracle(as_text(words, tables), order=len(tables))
    known = [[words[i] for i in row if i not in (1, 2)] for row in tables[-1].words.tolist()]
    for sentence in (*sentences, *([*ngram, "a", "b"] for ngram in known)):
        assert_same(model, oracle, sentence)


@settings(max_examples=60)
@given(random_models())
def test_the_graph_gives_its_ngrams_back(words_and_tables: WordsAndTables) -> None:
    words, tables = words_and_tables
    model = NGramModel.from_ngrams(words, tables)
    found = model.to_ngrams()
    assert model.order == len(found) == len(tables)
    assert model.num_ngrams == [len(t.words) for t in tables]
    for ours, given_table in zip(found, tables, strict=True):
        for name in ("words", "log_prob", "backoff"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(given_table, name))
            assert getattr(ours, name).dtype == getattr(given_table, name).dtype


@settings(max_examples=60)
@given(random_models())
def test_the_graph_is_as_described(words_and_tables: WordsAndTables) -> None:
    words, tables = words_and_tables
    model = NGramModel.from_ngrams(words, tables)
    graph = model.tables
    assert [array.dtype.str[1:] for array in graph] == ["i8", "f4", "i4", "i4", "f4", "i4"]
    assert graph.arc_word[: len(words)].tolist() == list(range(len(words)))
    assert graph.backoff_state[0] == 0
    assert all(graph.backoff_state[s] < s for s in range(1, len(graph.backoff)))
    for state, next_state in enumerate(graph.arc_start[1:]):
        arcs = graph.arc_word[graph.arc_start[state] : next_state].tolist()
        assert arcs == sorted(set(arcs))


def test_only_ngrams_that_matter_are_states() -> None:
    tables = [table([[0], [1], [2], [3], [4]], backoffs=[0, 0, 0, 0, -0.5]), table([[3, 3]])]
    model = NGramModel.from_ngrams(WORDS, tables)
    assert len(model.tables.backoff) == 3  # the empty one; a, which has an arc; b, which has a weight
    assert model.start_state == 0


def test_other_kernels_walk_the_graph() -> None:
    @njit
    def total(tables: LMTables, state: int, words: np.ndarray) -> tuple[float, int]:
        log_prob = 0.0
        for word in words:
            step, state = lm_step(tables, state, word)
            log_prob += step
        return log_prob, state

    model = NGramModel.from_ngrams(WORDS, [UNIGRAMS, BIGRAMS])
    log_prob, state = total(model.tables, model.start_state, np.array([3, 4, 4], dtype=np.int32))
    assert log_prob == pytest.approx(-3)
    assert state == 0


# Each order to itself is fine; together they are not.
BROKEN = {
    "no tables": ([], "found none"),
    "no unigram of a word": ([table([[0], [1], [2], [3]])], "found 4 unigrams for 5 words"),
    "a word too many": ([table([[0], [1], [2], [3], [4], [5]])], "row 5 of the 1-grams: a word is not among"),
    "no context": ([UNIGRAMS, BIGRAMS, table([[1, 3, 4], [4, 3, 4]])], "row 1 of the 3-grams: its context"),
    "no context at all": ([UNIGRAMS, table(np.zeros((0, 2))), table([[1, 3, 4]])], "row 0 of the 3-grams: its context"),
    "a repetition": ([UNIGRAMS, table([[1, 3], [1, 3]])], "row 1 of the 2-grams: the n-gram stands twice"),
    "no order": ([UNIGRAMS, table([[1, 3], [1, 2]])], "row 1 of the 2-grams: it is not in the order"),
    "NaN": ([table([[0], [1], [2], [3], [4]], [-1, -1, np.nan, -1, -1])], "row 2 of the 1-grams: not a log-prob"),
    "above 0": ([table([[0], [1], [2], [3], [4]], [-1, -1, -1, -1, 0.1])], "row 4 of the 1-grams: not a log-prob"),
    "infinite": ([UNIGRAMS, table([[1, 3]], [-np.inf])], "row 0 of the 2-grams: not a log-prob"),
    "weight": ([table([[0], [1], [2], [3], [4]], backoffs=[0, np.inf, 0, 0, 0]), BIGRAMS], "back-off weight is not"),
    "weight at the top": ([UNIGRAMS, table([[1, 3]], backoffs=[-1])], "row 0 of the 2-grams: n-grams of the highest"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_tables_are_refused(name: str) -> None:
    tables, problem = BROKEN[name]
    with pytest.raises(LanguageModelError, match=problem):
        NGramModel.from_ngrams(WORDS, tables)


def test_no_step_leaves_the_graph() -> None:
    model = NGramModel.from_ngrams(WORDS, [UNIGRAMS])
    for state, word in ((-1, 0), (1, 0), (0, -1), (0, 5)):
        with pytest.raises(LanguageModelError, match="1 states and 5 words"):
            model.step(state, word)


# --- vocabulary -------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(
    st.lists(st.text(alphabet="abäß日🎈'-▁", min_size=1, max_size=4), unique=True, max_size=200), st.lists(st.text())
)
def test_words_and_ids(own: list[str], others: list[str]) -> None:
    words = ["<unk>", "<s>", "</s>", *own]
    vocabulary = Vocabulary.from_words(words)
    assert vocabulary.words() == words == [vocabulary[i] for i in range(len(vocabulary))]
    expected = [words.index(word) if word in words else 0 for word in words + others]
    assert vocabulary.ids(words + others).tolist() == expected


def test_words_that_no_vocabulary_has_are_unknown() -> None:
    vocabulary = Vocabulary.from_words([*WORDS, "ab"])
    assert vocabulary.ids(["", "a\nb", "\n", "a b", "\ud800", "ab"]).tolist() == [0, 0, 0, 0, 0, 5]
    assert vocabulary.ids([]).tolist() == []


def test_many_words_are_found() -> None:
    words = ["<unk>", "<s>", "</s>", *(f"w{i}" for i in range(100_000))]
    assert (Vocabulary.from_words(words).ids(words) == np.arange(len(words))).all()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "empty"),
        (["<s>", "<unk>", "</s>"], "does not begin with"),
        (["<unk>", "<s>"], "does not begin with"),
        ([*WORDS, "a"], "'a' stands twice"),
        ([*WORDS, ""], "is empty or has white space"),
        ([*WORDS, "a b"], "is empty or has white space"),
        ([*WORDS, "a\0"], "is empty or has white space or a zero byte"),
        ([*WORDS, "c\nd"], "line feed"),
        ([*WORDS, "\udc80"], "word 5 of the vocabulary.*is not UTF-8"),
    ],
)
def test_broken_vocabularies_are_refused(words: list[str], problem: str) -> None:
    with pytest.raises(LanguageModelError, match=problem):
        Vocabulary.from_words(words)


def test_kernels_need_no_folder_to_be_kept_in() -> None:
    """Numba finds none for code that is in no file; nor where neither package nor the user's cache can be written."""
    names: dict[str, Any] = {}
    exec("def twice(number):\n    return 2 * number\n", names)
    with pytest.raises(RuntimeError, match="no locator available"):
        njit(cache=True)(names["twice"])
    assert kernel(names["twice"])(3) == 6
