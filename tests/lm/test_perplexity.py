"""Perplexity, against KenLM's own numbers, a dictionary-based oracle, and a model whose perplexity is plain."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.errors import LanguageModelError
from asr.lm.arpa import read_arpa
from asr.lm.ngram import NGramModel, NGramTable
from asr.lm.perplexity import perplexity
from tests.support.arpa_oracle import SMALL, Oracle, WordsAndTables, as_text, random_models


@pytest.mark.parametrize(("corpus", "text"), [("an4", "an4_test"), ("mini", "mini_dev")])
def test_kenlm_says_the_same(real_data: Path, corpus: str, text: str) -> None:
    folder = real_data / "lm_reference"
    expected = [line.split("\t")[1] for line in (folder / f"{text}_perplexity.txt").read_text().splitlines()]
    sentences = [line.split() for line in (folder / f"{text}.txt").read_text().splitlines()]
    result = perplexity(read_arpa(folder / f"{corpus}_3gram.arpa.gz"), sentences)
    assert result.with_unknown == pytest.approx(float(expected[0]), rel=1e-6)
    assert result.without_unknown == pytest.approx(float(expected[1]), rel=1e-6)
    assert (result.num_unknown, result.num_tokens) == (int(expected[2]), int(expected[3]))
    assert result.num_sentences == len(sentences)


@settings(max_examples=40)
@given(random_models(), st.lists(st.lists(st.sampled_from(["a", "b", "ü", "zz"]), max_size=6), min_size=1, max_size=6))
def test_the_definition_says_the_same(words_and_tables: WordsAndTables, sentences: list[list[str]]) -> None:
    words, tables = words_and_tables
    oracle = Oracle(as_text(words, tables), order=len(tables))
    scores = [score for sentence in sentences for score in oracle.score(sentence)]
    result = perplexity(NGramModel.from_ngrams(words, tables), sentences)
    known = [log_prob for log_prob, is_known in scores if is_known]
    assert (result.num_tokens, result.num_unknown) == (len(scores), len(scores) - len(known))
    mean = -sum(log_prob for log_prob, _ in scores) / len(scores)
    assert result.with_unknown == pytest.approx(10**mean, rel=1e-4)
    assert result.without_unknown == pytest.approx(10 ** (-sum(known) / len(known)), rel=1e-4)


def uniform(num_words: int, log_prob: float) -> NGramModel:
    words = ["<unk>", "<s>", "</s>", *(f"w{i}" for i in range(num_words - 3))]
    ids = np.arange(num_words, dtype=np.int32)[:, None]
    table = NGramTable(ids, np.full(num_words, log_prob, np.float32), np.zeros(num_words, np.float32))
    return NGramModel.from_ngrams(words, [table])


def test_a_model_without_preferences_is_as_perplexed_as_it_has_words() -> None:
    sentences = (["w1", "w0"] for _ in range(12_345))  # more than are taken at once
    result = perplexity(uniform(50, -math.log(50)), sentences)
    assert result.with_unknown == pytest.approx(50)
    assert result.without_unknown == pytest.approx(50)
    assert (result.num_sentences, result.num_tokens) == (12_345, 3 * 12_345)
    assert result.log_prob == pytest.approx(-3 * 12_345 * math.log(50))


def test_an_impossible_text_is_infinitely_surprising() -> None:
    assert perplexity(uniform(3, -1e30), [[]]).with_unknown == math.inf


def test_empty_sentences_count_as_kenlm_counts_them(tmp_path: Path) -> None:
    (tmp_path / "lm.arpa").write_text(SMALL)
    result = perplexity(read_arpa(tmp_path / "lm.arpa"), [[], []])
    assert (result.num_sentences, result.num_tokens, result.num_unknown) == (2, 2, 0)
    assert result.log_prob == pytest.approx(2 * (-0.5 - 0.9) * math.log(10))


def test_what_cannot_be_measured_is_refused() -> None:
    model = uniform(5, -1.0)
    with pytest.raises(LanguageModelError, match="there are no sentences"):
        perplexity(model, [])
    for sentence in (["w0", "</s>"], ["<s>"], ["w1", "<s>", "</s>"]):
        with pytest.raises(LanguageModelError, match=r"sentence 3 of the text holds </?s>; "):
            perplexity(model, [["w0"], [], sentence, ["w1"]])
    sentences = [["w1"]] * 10_001 + [["</s>"]]
    with pytest.raises(LanguageModelError, match="sentence 10002 of the text holds </s>"):
        perplexity(model, sentences)
