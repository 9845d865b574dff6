"""ARPA files, against a dictionary read with `float` and `split` (`arpa_oracle`), and KenLM if it is here."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asr.errors import LanguageModelError, OutputError
from asr.lm.arpa import read_arpa, write_arpa
from asr.lm.ngram import NGramModel
from tests.support.arpa_oracle import (
    SMALL,
    Oracle,
    WordsAndTables,
    assert_equal_models,
    assert_same,
    natural_scores,
    random_models,
)

SENTENCES = [[], ["a"], ["a", "b"], ["a", "b", "a", "b", "b", "c", "a", "b"], ["x", "b", "a", "c", "b", "y"]]
in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def read(tmp_path: Path, text: str | bytes, name: str = "lm.arpa") -> NGramModel:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_arpa(path)


# --- what is read -----------------------------------------------------------------------------------------------------


def test_the_small_model(tmp_path: Path) -> None:
    model = read(tmp_path, SMALL)
    assert model.vocabulary.words() == ["<unk>", "<s>", "</s>", "b", "a", "c"]
    assert model.num_ngrams == [6, 5, 4]
    for sentence in SENTENCES:
        assert_same(model, Oracle(SMALL), sentence)
    assert natural_scores(model, ["a", "b"])[1] == pytest.approx(-0.15 * math.log(10))  # <s> a b


@pytest.mark.parametrize(
    "text",
    [
        SMALL.replace("\n", "\r\n"),
        "\ufeff" + SMALL,
        "made by hand\n\n" + SMALL,
        SMALL.replace("\t", "   ").replace(" b", "\tb"),
        SMALL.replace("\n\n", "\n"),
        SMALL.replace("\n", "\n\n \n"),
        SMALL.removesuffix("\n"),
        SMALL.replace("ngram 1=6", " ngram  01 = 6 "),
        SMALL.replace("-0.9\t</s>", "-9.0E-1\t</s>\t-0"),
        SMALL.replace("a b </s>", "a b </s>\t0"),
        SMALL.replace("<unk>", "<UNK>"),
    ],
)
def test_the_same_model_in_other_spellings(tmp_path: Path, text: str) -> None:
    assert text != SMALL
    assert_equal_models(read(tmp_path, text), read(tmp_path, SMALL))


def test_without_an_unknown_word(tmp_path: Path) -> None:
    text = SMALL.replace("-1.2\t<unk>\n", "").replace("ngram 1=6", "ngram 1=5")
    model = read(tmp_path, text)
    assert model.step(0, 0)[0] == pytest.approx(-100 * math.log(10))
    for sentence in SENTENCES:
        assert_same(model, Oracle(text), sentence)


def test_unigrams_only(tmp_path: Path) -> None:
    text = "\\data\\\nngram 1=3\n\\1-grams:\n-1 <s>\n-0.5 </s>\n-0.25 a\n\\end\\\n"
    assert natural_scores(read(tmp_path, text), ["a"]) == pytest.approx([-0.25 * math.log(10), -0.5 * math.log(10)])


@in_a_folder
@given(st.floats(-300, 0), st.sampled_from(["{!r}", "{:.3f}", "{:e}", "{:.20g}", "{:.40f}", "{:.0f}", "{:.1E}"]))
@example(-1e-300, "{!r}")
@example(-1e-300, "{:.400f}")
@example(-5e-324, "{!r}")
@example(-0.0, "{!r}")
@example(-7.0, "-00{:.0f}.")
@example(0.5, "-{:.1f}")
@example(-123456789012345678901234.0, "{:.0f}")
@example(-123456789012345678901234.0, "{:.3f}")
def test_numbers_are_read_as_python_reads_them(tmp_path: Path, value: float, form: str) -> None:
    number = form.format(value).replace("-00-", "-00")
    model = read(tmp_path, SMALL.replace("-0.8\tb\t-0.25", f"{number}\tb\t{number}"))
    unigrams = model.to_ngrams()[0]
    expected = np.float32(float(number) * math.log(10))
    np.testing.assert_allclose(unigrams.log_prob[3], expected, rtol=2e-7, atol=0)
    np.testing.assert_allclose(unigrams.backoff[3], expected, rtol=2e-7, atol=0)


@pytest.mark.parametrize("corpus", ["an4", "mini"])
def test_reference_models(real_data: Path, corpus: str) -> None:
    path = real_data / "lm_reference" / f"{corpus}_3gram.arpa.gz"
    model, oracle = read_arpa(path), Oracle.read(path)
    assert sum(model.num_ngrams) == len(oracle.log_probs)
    words = model.vocabulary.words()
    for table in model.to_ngrams():
        ngrams = [tuple(words[i] for i in row) for row in table.words.tolist()]
        np.testing.assert_allclose(table.log_prob / math.log(10), [oracle.log_probs[n] for n in ngrams], rtol=1e-6)
        np.testing.assert_allclose(table.backoff / math.log(10), [oracle.backoffs[n] for n in ngrams], rtol=1e-6)


# --- KenLM ------------------------------------------------------------------------------------------------------------


def assert_as_kenlm(path: Path, sentences: list[list[str]]) -> None:
    kenlm = pytest.importorskip("kenlm", reason="KenLM's Python module is not installed")
    model, peer = read_arpa(path), kenlm.Model(str(path))
    for sentence in sentences:
        expected = [log_prob for log_prob, _, _ in peer.full_scores(" ".join(sentence))]
        assert np.array(natural_scores(model, sentence)) / math.log(10) == pytest.approx(expected, abs=1e-5)


def test_the_small_model_as_kenlm_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "small.arpa"
    path.write_text(SMALL)
    assert_as_kenlm(path, SENTENCES)


@pytest.mark.parametrize(("corpus", "text"), [("an4", "an4_test"), ("mini", "mini_dev")])
def test_reference_models_as_kenlm_reads_them(real_data: Path, corpus: str, text: str) -> None:
    folder = real_data / "lm_reference"
    sentences = [line.split() for line in (folder / f"{text}.txt").read_text().splitlines()]
    assert_as_kenlm(folder / f"{corpus}_3gram.arpa.gz", sentences)


def test_kenlm_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "ours.arpa.gz"
    write_arpa(read(tmp_path, SMALL), path)
    assert_as_kenlm(path, SENTENCES)


# --- what is written --------------------------------------------------------------------------------------------------


@in_a_folder
@given(random_models())
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path: Path, words_and_tables: WordsAndTables) -> None:
    model = NGramModel.from_ngrams(*words_and_tables)
    write_arpa(model, tmp_path / "again.arpa")
    assert_equal_models(read_arpa(tmp_path / "again.arpa"), model)


@pytest.mark.parametrize("corpus", ["an4", "mini"])
def test_reference_models_survive(real_data: Path, tmp_path: Path, corpus: str) -> None:
    model = read_arpa(real_data / "lm_reference" / f"{corpus}_3gram.arpa.gz")
    write_arpa(model, tmp_path / "again.arpa.gz")
    assert_equal_models(read_arpa(tmp_path / "again.arpa.gz"), model)


def test_the_digits_of_a_file_survive(tmp_path: Path) -> None:
    write_arpa(read(tmp_path, SMALL), tmp_path / "again.arpa")
    numbers = {field for line in SMALL.splitlines() for field in line.split("\t") if "." in field}
    again = (tmp_path / "again.arpa").read_text().split()
    assert len(numbers) == 18
    assert numbers | {"-99"} <= set(again)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model = read(tmp_path, SMALL)
    for name in ("one.arpa.gz", "two.arpa.gz"):
        write_arpa(model, tmp_path / name)
    first = (tmp_path / "one.arpa.gz").read_bytes()
    assert first == (tmp_path / "two.arpa.gz").read_bytes()
    assert first[4:8] == bytes(4)  # the time of making
    with pytest.raises(OutputError):
        write_arpa(model, tmp_path)


# --- what is refused --------------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "the file is empty"),
    "blank": ("\n \n", "the file is empty"),
    "text": ("THE DOG\n", r"line 1: not an ARPA language model"),
    "UTF-16": (SMALL.encode("utf-16"), r"line 1: not an ARPA language model"),
    "no counts": (SMALL.replace("ngram", "#"), "line 2: found '# 1=6', expected ngram 1="),
    "no counts at all": ("\\data\\\n\n\\1-grams:\n\\end\\\n", "expected ngram 1="),
    "a count missing": (SMALL.replace("ngram 2=5\n", ""), "line 3: found 'ngram 3=4', expected ngram 2="),
    "a count too high": (SMALL.replace("2=5", "2=6"), r"line 14: found 5 2-grams, but the header promises 6"),
    "a huge count": (SMALL.replace("2=5", f"2={10**17}"), f"found 5 2-grams, but the header promises {10**17}"),
    "a count of many digits": (SMALL.replace("2=5", f"2={'9' * 5000}"), "line 3: found 'ngram 2=9999.*expected ngram"),
    "a count too low": (SMALL.replace("3=4", "3=3"), r"line 21: found 4 3-grams, but the header promises 3"),
    "no section": (SMALL.replace("\\2-grams:\n", ""), r"line 20: found '\\3-grams:', expected '\\2-grams:'"),
    "no order": (SMALL.replace("\n\\3-grams:", ""), r"line 26: found '\\end\\', expected '\\3-grams:'"),
    "a section too many": (SMALL.replace("\\end\\", "\\4-grams:"), r"found '\\4-grams:', expected '\\end\\'"),
    "no end": (SMALL.replace("\\end\\", ""), r"line 28: found the end of the file, expected '\\end\\'"),
    "cut": (SMALL[: SMALL.index("b b")], "line 18: found the end of the file"),
    "more": (SMALL + "-1\ta\n", "line 28: found more text"),
    "NaN": (SMALL.replace("-0.6", "nan"), "line 17: 'nan' is not a finite number"),
    "infinite": (SMALL.replace("-0.6", "-inf"), "line 17: '-inf' is not a finite number"),
    "too large": (SMALL.replace("-0.6", "-1e99"), "line 17: '-1e99 b </s>': not a log-probability"),
    "words for a number": (SMALL.replace("-0.6", "-0,6"), "line 17: '-0,6' is not a finite number"),
    "half an exponent": (SMALL.replace("-0.6", "-1e-"), "line 17: '-1e-' is not a finite number"),
    "a sign": (SMALL.replace("-0.6", "-"), "line 17: '-' is not a finite number"),
    "positive": (SMALL.replace("-0.6", "0.6"), r"line 17: '0.6 b </s>': not a log-probability"),
    "weight NaN": (SMALL.replace("-0.2", "NaN", 1), "line 10: 'NaN5' is not a finite number"),
    "weight at the top": (SMALL.replace("a b </s>", "a b </s>\t-1"), "line 24: .*highest order"),
    "unknown word": (SMALL.replace("b </s>", "b d", 1), "line 17: 'd' is not among the unigrams"),
    "too few words": (SMALL.replace("b </s>", "b", 1), "line 17: the line ends too early"),
    "too many words": (SMALL.replace("b </s>", "b b b", 1), "line 17: 'b' is not a finite number"),
    "too many fields": (SMALL.replace("b </s>", "b </s>\t0\tx", 1), "line 17: found 'x' after the end of the n-gram"),
    "no context": (SMALL.replace("a b a", "c c a"), r"line 23: '-0.35 c c a': its context is not among the 2-grams"),
    "a repetition": (SMALL.replace("a b a", "<s> a b"), r"line 23: '-0.35 <s> a b': the n-gram stands twice"),
    "a repeated word": (SMALL.replace("\tc", "\tb"), "line 12: the word 'b' stands twice"),
    "a repeated mark": (SMALL.replace("<unk>", "<s>"), "line 8: '-99 <s> -0.5': the n-gram stands twice"),
    "no start": (SMALL.replace("<s>", "d"), "line 6: <s> is not among the unigrams"),
    "no end of sentences": (SMALL.replace("</s>", "d"), "line 6: </s> is not among the unigrams"),
    "Latin-1": (SMALL.replace("\tc", "\tä").encode("latin-1"), "line 12: the word .*xe4.* is not UTF-8"),
    "a zero byte": (SMALL.replace("\tc", "\tc\0"), "line 12: the word .* has a zero byte"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused(tmp_path: Path, name: str) -> None:
    text, problem = BROKEN[name]
    assert text != SMALL
    with pytest.raises(LanguageModelError, match=problem) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'lm.arpa'}")
    assert len(str(caught.value)) < 400


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    packed = gzip.compress(SMALL.encode())
    for data in (packed[:-9], packed[:40], packed[:30] + b"xxxx" + packed[34:], SMALL.encode(), b""):
        with pytest.raises(LanguageModelError, match=r"lm.arpa.gz: (not a whole gzip file|the file is empty)"):
            read(tmp_path, data, "lm.arpa.gz")
    with pytest.raises(LanguageModelError, match="no such file"):
        read_arpa(tmp_path / "none.arpa")
    with pytest.raises(LanguageModelError, match="cannot be read"):
        read_arpa(tmp_path)


@in_a_folder
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SMALL) - 1), st.sampled_from([b"", b"\n", b"\\", b"-", b"9", b"a", b"\t", b"\xff"])
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 2),
)
def test_no_file_does_harm(tmp_path: Path, changes: list[tuple[int, bytes]], num_cut: int) -> None:
    data = SMALL.encode()
    for position, piece in changes:
        data = data[:position] + piece + data[position + num_cut :]
    try:
        model = read(tmp_path, data)
    except LanguageModelError as error:
        assert "\n" not in str(error)
        return
    assert np.isfinite(natural_scores(model, SENTENCES[3])).all()
