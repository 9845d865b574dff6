"""Estimation of n-gram models: the formulas done slowly (`kneser_ney_oracle`), by hand, and KenLM's models."""

import math
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asr.errors import LanguageModelError, OutputError
from asr.lm import estimate
from asr.lm.counts import part_of_words
from asr.lm.estimate import EstimatedModel, estimate_ngrams
from asr.lm.ngram import NGramModel
from asr.lm.perplexity import perplexity
from asr.lm.records import Records, group_equal, pack, sum_equal, unpack
from tests.support.arpa_oracle import Oracle, as_text
from tests.support.kneser_ney_oracle import kneser_ney

SENTENCES = st.lists(st.lists(st.sampled_from("abcd"), max_size=7), min_size=1, max_size=12).filter(any)
MIN_COUNTS = st.lists(st.integers(1, 3), max_size=3).map(lambda counts: [1, *sorted(counts)])


@pytest.fixture(scope="module")
def lm_reference(real_data: Path) -> Path:
    folder = real_data / "lm_reference"
    if not folder.is_dir():
        pytest.skip("no models of lmplz: the folder ../shared/data/lm_reference is not here")
    return folder


def read(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()]


def zipf_text(num_words: int, vocab_size: int, seed: int = 0) -> list[list[str]]:
    """Sentences of about ten words, few of which are frequent."""
    rng = np.random.default_rng(seed)
    words = (vocab_size ** rng.random(num_words)).astype(int)
    ends = np.sort(rng.choice(num_words, num_words // 10, replace=False))
    return [[f"w{word}" for word in sentence] for sentence in np.split(words, ends)]


def probabilities(model: EstimatedModel) -> dict[tuple[str, ...], tuple[float, float]]:
    """`{words: (probability, back-off weight)}`."""
    return {
        tuple(model.words[i] for i in row): (math.exp(log_prob), math.exp(backoff))
        for table in model.ngrams
        for row, log_prob, backoff in zip(table.words.tolist(), table.log_prob, table.backoff, strict=True)
    }


def assert_is_kneser_ney(
    sentences: list[list[str]], order: int, min_counts: Sequence[int] = (1,), **options: Any
) -> EstimatedModel:
    model = estimate_ngrams(sentences, order=order, min_counts=min_counts, **options)
    expected, discounts = kneser_ney(sentences, order, min_counts)
    found = probabilities(model)
    assert found.keys() == expected.keys()
    ngrams = list(expected)
    np.testing.assert_allclose([found[g] for g in ngrams], [expected[g] for g in ngrams], rtol=2e-6)
    np.testing.assert_allclose([(d.one, d.two, d.three_or_more) for d in model.discounts], discounts)
    return model


def assert_equal(left: EstimatedModel, right: EstimatedModel) -> None:
    assert left.words == right.words
    assert left.discounts == right.discounts
    for a, b in zip(left.ngrams, right.ngrams, strict=True):
        for name in ("words", "log_prob", "backoff"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_two_sentences_by_hand() -> None:
    """Adjusted counts: a 1, b 1, </s> 2; <s> a 2, the other bigrams 1. Discounts 0.5, 1, 1.5."""
    model = estimate_ngrams([["a", "b"], ["a"]], order=2)
    assert model.words == ["<unk>", "<s>", "</s>", "a", "b"]
    assert all(discounts.is_fallback for discounts in model.discounts)
    expected = {
        ("<unk>",): (0.5 / 4, 1),
        ("<s>",): (1, 1 / 2),
        ("</s>",): (1 / 4 + 0.125, 1),
        ("a",): (0.5 / 4 + 0.125, 1 / 2),
        ("b",): (0.5 / 4 + 0.125, 1 / 2),
        ("<s>", "a"): (1 / 2 + 0.5 * 0.25, 1),
        ("a", "</s>"): (0.5 / 2 + 0.5 * 0.375, 1),
        ("a", "b"): (0.5 / 2 + 0.5 * 0.25, 1),
        ("b", "</s>"): (0.5 / 1 + 0.5 * 0.375, 1),
    }
    found = probabilities(model)
    assert found.keys() == expected.keys()
    for ngram, values in expected.items():
        assert found[ngram] == pytest.approx(values, rel=1e-6), ngram


@settings(max_examples=60)
@given(SENTENCES, st.integers(1, 5), MIN_COUNTS)
@example([["a"]], 5, [1])
@example([["a", "a", "a"]] * 3, 3, [1, 2])
def test_equals_the_formulas(sentences: list[list[str]], order: int, min_counts: list[int]) -> None:
    assert_is_kneser_ney(sentences, order, min_counts[:order])


@settings(max_examples=50)
@given(SENTENCES, st.integers(1, 5), MIN_COUNTS)
def test_probabilities_after_each_context_sum_to_one(
    sentences: list[list[str]], order: int, min_counts: list[int]
) -> None:
    model = estimate_ngrams(sentences, order=order, min_counts=min_counts[:order])
    oracle = Oracle(as_text(model.words, model.ngrams))
    predicted = [word for word in model.words if word != "<s>"]
    contexts = {(), *(g for g in oracle.log_probs if len(g) < order)}
    for context in contexts:
        assert sum(10 ** oracle.log10_prob(context, word) for word in predicted) == pytest.approx(1, abs=1e-5), context


@settings(max_examples=50)
@given(SENTENCES, st.integers(1, 5), MIN_COUNTS)
def test_tables_are_a_model(sentences: list[list[str]], order: int, min_counts: list[int]) -> None:
    """Rows in order, each once, with all their contexts: else this raises; and there are all suffixes."""
    model = estimate_ngrams(sentences, order=order, min_counts=min_counts[:order])
    assert NGramModel.from_ngrams(model.words, model.ngrams).order == order
    ngrams = probabilities(model).keys()
    assert all(g[1:] in ngrams for g in ngrams if len(g) > 1)
    for table in model.ngrams:
        assert (table.words.dtype, table.log_prob.dtype, table.backoff.dtype) == (np.int32, np.float32, np.float32)


def test_discounts_are_found_where_the_text_is_large_enough() -> None:
    model = assert_is_kneser_ney(zipf_text(3000, 300), 3)
    assert not any(discounts.is_fallback for discounts in model.discounts)


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_memory_makes_no_difference(monkeypatch: pytest.MonkeyPatch, order: int) -> None:
    """Keys of 6 words take two columns here."""
    sentences, parts = zipf_text(4000, 10_000), []
    plenty = assert_is_kneser_ney(sentences, order, [1, 1, 2][:order])
    assert len(plenty.words) > 2**10

    def spy(counts: np.ndarray, part_size: int) -> np.ndarray:
        parts.append(part_of_words(counts, part_size))
        return parts[-1]

    monkeypatch.setattr(estimate, "_NGRAM_BYTES", 2**20 // 200)  # then 1 MB is enough for some 200 n-grams
    monkeypatch.setattr(estimate, "part_of_words", spy)
    assert_equal(estimate_ngrams(sentences, order=order, min_counts=[1, 1, 2][:order], memory_mb=1), plenty)
    assert parts[0].max() > 20


def test_parts_are_ranges_of_words_that_fit() -> None:
    counts = np.array([0, 5, 3, 3, 20, 1, 1, 1])
    part_of = part_of_words(counts, 6)
    assert part_of.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]  # the range with the word that alone is too much ends with it


@settings(max_examples=100)
@given(st.integers(1, 31), st.integers(1, 7), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_packed_words_sort_as_words_do(bits: int, length: int, num_rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 2**bits, (num_rows, length)).astype(np.int32)
    words = np.concatenate([words, words[: num_rows // 2]])
    keys = pack(words, bits)
    np.testing.assert_array_equal(unpack(keys, length, bits), words)
    rows = sorted(map(tuple, words.tolist()))
    unique = sorted(set(rows))
    summed = sum_equal(Records(keys, np.ones((len(keys), 1))))
    assert [tuple(row) for row in unpack(summed.keys, length, bits).tolist()] == unique
    assert summed.values[:, 0].tolist() == [rows.count(row) for row in unique]
    groups, group = group_equal(keys)
    np.testing.assert_array_equal(groups[group], keys)
    np.testing.assert_array_equal(groups, summed.keys)


@pytest.mark.parametrize("name", ["an4", "mini"])
def test_equals_the_models_of_lmplz(lm_reference: Path, name: str) -> None:
    expected = Oracle.read(lm_reference / f"{name}_3gram.arpa.gz")
    model = estimate_ngrams(read(lm_reference / f"{name}_train.txt"), order=3)
    found = Oracle(as_text(model.words, model.ngrams))
    assert list(found.log_probs)[: len(model.words)] == list(expected.log_probs)[: len(model.words)]
    for ours, theirs in ((found.log_probs, expected.log_probs), (found.backoffs, expected.backoffs)):
        assert ours.keys() == theirs.keys()
        np.testing.assert_allclose([ours[g] for g in theirs], list(theirs.values()), atol=1e-5)


LMPLZ_PERPLEXITIES = [("an4_train", "an4_test", 16.787166, 16.576068), ("mini_train", "mini_dev", 765.89441, 362.42308)]


@pytest.mark.parametrize(("train", "test", "with_unknown", "without_unknown"), LMPLZ_PERPLEXITIES)
def test_has_the_perplexity_of_lmplz(
    lm_reference: Path, train: str, test: str, with_unknown: float, without_unknown: float
) -> None:
    model = estimate_ngrams(read(lm_reference / f"{train}.txt"), order=3)
    result = perplexity(NGramModel.from_ngrams(model.words, model.ngrams), read(lm_reference / f"{test}.txt"))
    assert result.with_unknown == pytest.approx(with_unknown, rel=1e-5)
    assert result.without_unknown == pytest.approx(without_unknown, rel=1e-5)


def test_lmplz_discounts_of_an4(lm_reference: Path) -> None:
    model = estimate_ngrams(read(lm_reference / "an4_train.txt"), order=3)
    found = [(d.one, d.two, d.three_or_more) for d in model.discounts]
    expected = [(0.64, 0.933333, 2.488), (0.563881, 1.05357, 1.61472), (0.73497, 1.2144, 1.47126)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("sentences", "problem"),
    [
        ([], "the text has no words; expected one sentence a line"),
        ([[], []], "the text has no words; expected one sentence a line"),
        (
            [["a"], [], ["b", "<s>"]],
            "line 3 of the text: the word '<s>' has a special meaning in the model; take it ",
        ),
        ([["</s>"]], "line 1 of the text: the word '</s>' has"),
        ([["a", "<unk>"]], "line 1 of the text: the word '<unk>' has"),
        ([["a", "a b"]], "line 1 of the text: 'a b' is no word; expected one or more characters, none of them white"),
        ([["a"], [""]], "line 2 of the text: '' is no word"),
        ([["10\u00a0km"]], "line 1 of the text: '10\\xa0km' is no word"),  # the reader would split it
        ([["a\u3000"]], "line 1 of the text: 'a\\u3000' is no word"),
    ],
)
def test_refuses_text(sentences: list[list[str]], problem: str, tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError) as caught:
        estimate_ngrams(sentences, order=2, folder=tmp_path)
    assert str(caught.value).startswith(problem)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"order": 0}, "the order is 0; expected 1 or more"),
        ({"order": 2, "memory_mb": 0}, "memory_mb is 0; expected 1 or more"),
        ({"order": 2, "min_counts": [2]}, "the least counts are 2; expected 1 first, since all words are kept"),
        ({"order": 2, "min_counts": [1, 1, 1]}, "the least counts are 1, 1, 1; expected at most 2, one for each order"),
        ({"order": 3, "min_counts": [1, 3, 2]}, "the least counts are 1, 3, 2; expected 1 or more, none smaller than "),
        ({"order": 3, "min_counts": [0]}, "the least counts are 0; expected 1 or more, none smaller than"),
    ],
)
def test_refuses_numbers(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(LanguageModelError) as caught:
        estimate_ngrams([["a"]], **options)
    assert str(caught.value).startswith(problem)


def test_leaves_no_files_after_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "_NGRAM_BYTES", 2**20 // 200)
    in_between: list[Path] = []

    def sentences() -> Iterator[list[str]]:
        yield from zipf_text(1000, 50)
        in_between.extend(tmp_path.glob("*/*"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        estimate_ngrams(sentences(), order=2, memory_mb=1, folder=tmp_path)
    assert in_between
    assert not list(tmp_path.iterdir())


def test_leaves_no_files_when_done(tmp_path: Path) -> None:
    estimate_ngrams([["a", "b"]], order=3, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """The largest allowed file stands in for the disk: no more can be written."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OutputError) as caught:
            estimate_ngrams(zipf_text(3000, 300), order=2, folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value).startswith(f"{tmp_path}/asr-lm-")
    assert "temporary files could not be written (File too large); use a temporary folder on" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_missing_temporary_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere: No such file or directory"):
        estimate_ngrams([["a"]], order=2, folder=tmp_path / "nowhere")
