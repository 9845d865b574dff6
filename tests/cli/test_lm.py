"""`asr lm` as its users meet it: text -> model -> other form -> perplexity."""

import gzip
import json
import lzma
import math
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from asr.lm.formats import load_ngram_model
from tests.support.arpa_oracle import SMALL, Oracle, assert_same
from tests.support.command_line import ROOT, Refusal, RunAsr, written

TEXT = ["THE DOG RAN", "THE CAT RAN", "A DOG SAT", "", "THE DOG SAT ON THE CAT"]


BROKEN = SMALL.replace("-1.5\tc\t-0.3", "-1.5\tc\t-0.3\tx").splitlines()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.arpa"
    path.write_text(SMALL)
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return written(tmp_path / "text.txt", *TEXT)


def test_help_lists_the_verbs(asr: RunAsr) -> None:
    result = asr("lm", "--help")
    assert (result.code, result.err) == (0, "")
    rows = [line.strip("│ ").split() for line in result.out.splitlines()]
    assert [row[0] for row in rows if row and row[0] in ("estimate", "convert", "perplexity")] == [
        "estimate",
        "convert",
        "perplexity",
    ]


def test_help_loads_nothing_heavy() -> None:
    program = "import sys, asr.cli; print([m for m in ('numba', 'numpy', 'torch', 'asr.lm.ngram') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- convert ----------------------------------------------------------------------------------------------------------


def test_convert_and_back(asr: RunAsr, small: Path, tmp_path: Path) -> None:
    names = [small, tmp_path / "a.bin", tmp_path / "b.arpa.gz", tmp_path / "c.bin", tmp_path / "d.arpa"]
    for source, target in pairwise(names):
        result = asr("lm", "convert", source, target)
        assert (result.code, result.out, result.err) == (0, f"{target}\n", "")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "c.bin").read_bytes()
    assert gzip.decompress((tmp_path / "b.arpa.gz").read_bytes()) == (tmp_path / "d.arpa").read_bytes()
    assert Oracle.read(tmp_path / "d.arpa").log_probs == Oracle(SMALL).log_probs
    assert Oracle.read(tmp_path / "d.arpa").backoffs == Oracle(SMALL).backoffs


def test_convert_refuses(refusal: Refusal, small: Path, tmp_path: Path) -> None:
    names = "expected a name that ends in .arpa, .arpa.gz or .bin"
    assert refusal("lm", "convert", tmp_path / "x.arpa", tmp_path / "lm.txt") == f"{tmp_path / 'lm.txt'}: {names}"
    assert refusal("lm", "convert", tmp_path / "lm", tmp_path / "lm.bin") == f"{tmp_path / 'lm'}: {names}"
    assert refusal("lm", "convert", tmp_path / "x.arpa", tmp_path / "y.bin") == f"{tmp_path / 'x.arpa'}: no such file"
    text, broken = written(tmp_path / "x.bin", "x" * 100), written(tmp_path / "x.arpa", *BROKEN)
    assert "x.bin: not a binary language model" in refusal("lm", "convert", text, tmp_path / "y.arpa")
    assert "x.arpa, line 12: found 'x' after" in refusal("lm", "convert", broken, tmp_path / "y.bin")
    assert "could not be written" in refusal("lm", "convert", small, small / "y.bin")
    assert not (tmp_path / "y.bin").exists()


# --- interpolate ------------------------------------------------------------------------------------------------------


def test_interpolate(asr: RunAsr, tmp_path: Path) -> None:
    """The weights that fit a text, and the model that they give; the same model by those weights."""
    models = []
    for name, lines in (("one", ["a b", "a b a"]), ("two", ["c a", "c c", "b"])):
        models.append(tmp_path / f"{name}.arpa")
        asr("lm", "estimate", written(tmp_path / f"{name}.txt", *lines), "--order", 2, "--output", models[-1])
    dev, mixed, same = written(tmp_path / "dev.txt", "a b", "c"), tmp_path / "mixed.arpa", tmp_path / "same.arpa"
    result = asr("lm", "interpolate", *models, "--fit", dev, "--output", mixed)
    assert (result.code, result.out) == (0, f"{mixed}\n")
    shares = [float(line.split()[0]) for line in result.err.splitlines()[:2]]
    assert sum(shares) == pytest.approx(1, abs=1e-4)
    assert result.err.splitlines()[2] == "6 1-grams, 10 2-grams"
    first, second = (asr("lm", "perplexity", model, dev, "--json").out for model in (models[0], mixed))
    assert json.loads(second)["num_unknown"] == 0 < json.loads(first)["num_unknown"]
    weights = f"{shares[0]},{1 - shares[0]}"
    assert asr("lm", "interpolate", *models, "--weights", weights, "--output", same).code == 0
    by_fit, by_weights = (Oracle.read(path) for path in (mixed, same))
    assert by_weights.log_probs == pytest.approx(by_fit.log_probs, abs=1e-3)
    pruned = tmp_path / "pruned.bin"
    result = asr("lm", "interpolate", *models, "--weights", weights, "--prune", 0.01, "--output", pruned)
    assert result.code == 0
    assert "6 1-grams, 10 2-grams" not in result.err


def test_interpolate_refuses(refusal: Refusal, small: Path, tmp_path: Path) -> None:
    out = ("--output", tmp_path / "x.arpa")
    assert "expected numbers, such as 0.7,0.3" in refusal("lm", "interpolate", small, "--weights", "half", *out)
    assert "found 2 weights for 1 models" in refusal("lm", "interpolate", small, "--weights", "0.5,0.5", *out)
    assert "no such file" in refusal("lm", "interpolate", tmp_path / "y.arpa", "--weights", "1", *out)
    assert not (tmp_path / "x.arpa").exists()


# --- perplexity -------------------------------------------------------------------------------------------------------


def test_perplexity(asr: RunAsr, small: Path, tmp_path: Path) -> None:
    lines = ["a b a b", "", "b x"]
    file = written(tmp_path / "test.txt", *lines)
    scores = [score for line in lines for score in Oracle(SMALL).score(line.split())]
    expected = 10 ** (-sum(log_prob for log_prob, _ in scores) / len(scores))
    known = [log_prob for log_prob, is_known in scores if is_known]
    result = asr("lm", "perplexity", small, file, "--json")
    assert result.err == ""
    assert json.loads(result.out) == {
        "perplexity": pytest.approx(expected, rel=1e-6),
        "perplexity_without_unknown": pytest.approx(10 ** (-sum(known) / len(known)), rel=1e-6),
        "log_prob": pytest.approx(sum(log_prob for log_prob, _ in scores) * math.log(10), rel=1e-6),
        "num_sentences": 3,
        "num_tokens": 9,
        "num_unknown": 1,
    }
    line = asr("lm", "perplexity", small, file).out
    assert line.startswith(f"perplexity {expected:.6g}, without unknown words ")
    assert line.endswith("(9 tokens, 1 unknown, 3 sentences)\n")


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_perplexity_of_compressed_text(
    asr: RunAsr, small: Path, tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    (tmp_path / f"test.txt.{suffix}").write_bytes(compress("\ufeffa b\r\nb\r\n".encode()))
    result = json.loads(asr("lm", "perplexity", small, tmp_path / f"test.txt.{suffix}", "--json").out)
    assert (result["num_sentences"], result["num_tokens"], result["num_unknown"]) == (2, 5, 0)


def test_all_white_space_separates_words_in_text_of_every_kind(asr: RunAsr, tmp_path: Path) -> None:
    """U+00A0, U+3000 and U+2028 as a space does; the ARPA file has the words that the text is read as."""
    spaces = ["a b c a\n", "b a b\n"]
    others = [spaces[0].replace(" ", "\u00a0"), "b\u3000a\u2028b\n"]
    found = []
    for name, lines in (("spaces", spaces), ("others", others)):
        text, arpa = tmp_path / f"{name}.txt", tmp_path / f"{name}.arpa"
        text.write_text("".join(lines), encoding="utf-8")
        assert asr("lm", "estimate", text, "--order", 2, "--output", arpa).code == 0
        perplexity = json.loads(asr("lm", "perplexity", arpa, text, "--json").out)
        assert perplexity["num_unknown"] == 0
        found.append((arpa.read_text(), perplexity, asr("score", text, tmp_path / "spaces.txt", "--json").out))
    assert found[0] == found[1]
    assert json.loads(found[0][2])["num_words"] == 7


def test_perplexity_refuses(refusal: Refusal, small: Path, tmp_path: Path) -> None:
    def problem(data: bytes) -> str:
        (tmp_path / "t.txt").write_bytes(data)
        return refusal("lm", "perplexity", small, tmp_path / "t.txt").removeprefix(str(tmp_path / "t.txt"))

    assert problem(b"") == ": there are no words in it; expected one sentence a line"
    assert problem(b"\n \n") == ": there are no words in it; expected one sentence a line"
    assert problem(b"a\nb \xe4\n") == ", line 2: not UTF-8 text; convert the file to UTF-8"
    assert problem(b"a\nb </s>\n").startswith("sentence 2 of the text holds </s>;")
    assert refusal("lm", "perplexity", small, tmp_path) == f"{tmp_path}: cannot be read (Is a directory)"
    assert refusal("lm", "perplexity", small, tmp_path / "no.txt") == f"{tmp_path / 'no.txt'}: no such file"
    (tmp_path / "t.txt.gz").write_bytes(gzip.compress(b"a b\n" * 1000)[:-9])
    assert "not a whole gzip file" in refusal("lm", "perplexity", small, tmp_path / "t.txt.gz")
    for data in (lzma.compress(b"a b\n" * 1000)[:-9], b"a b\n"):
        (tmp_path / "t.txt.xz").write_bytes(data)
        assert "not a whole xz file" in refusal("lm", "perplexity", small, tmp_path / "t.txt.xz")


# --- estimate ---------------------------------------------------------------------------------------------------------


def test_estimate(asr: RunAsr, text: Path, tmp_path: Path) -> None:
    for name in ("lm.arpa.gz", "lm.bin"):
        result = asr("lm", "estimate", text, "--output", tmp_path / name, "--order", 2)
        assert (result.code, result.out) == (0, f"{tmp_path / name}\n")
        assert [line.split(",")[0] for line in result.err.splitlines()] == ["10 1-grams", "14 2-grams"]
    oracle = Oracle.read(tmp_path / "lm.arpa.gz")
    assert oracle.order == 2
    words = [word for (word, *_) in (key for key in oracle.log_probs if len(key) == 1) if word != "<s>"]
    assert sum(10 ** oracle.log10_prob(("THE",), word) for word in words) == pytest.approx(1, abs=1e-5)
    assert_same(load_ngram_model(tmp_path / "lm.bin"), oracle, ["THE", "CAT", "SAT", "DOWN"])
    measured = json.loads(asr("lm", "perplexity", tmp_path / "lm.bin", text, "--json").out)
    assert measured["num_unknown"] == 0
    assert measured["perplexity"] < len(words)


def test_estimate_leaves_out_what_was_seen_once(asr: RunAsr, text: Path, tmp_path: Path) -> None:
    options = ("--order", 2, "--min-counts", "1,2")
    assert asr("lm", "estimate", text, *options, "--output", tmp_path / "lm.arpa").code == 0
    bigrams = {key for key in Oracle.read(tmp_path / "lm.arpa").log_probs if len(key) == 2}
    assert bigrams == {("<s>", "THE"), ("THE", "DOG"), ("THE", "CAT"), ("DOG", "SAT"), ("RAN", "</s>")}


def test_estimate_prunes(asr: RunAsr, text: Path, tmp_path: Path) -> None:
    sizes = []
    for threshold in ("0", "1e-3", "1"):
        path = tmp_path / f"{threshold}.arpa"
        assert asr("lm", "estimate", text, "--order", 2, "--prune", threshold, "--output", path).code == 0
        sizes.append(load_ngram_model(path).num_ngrams[1])
    assert sizes[0] >= sizes[1] >= sizes[2]
    assert sizes[0] > sizes[2]


def test_tokens_in_place_of_words(asr: RunAsr, text: Path, tmp_path: Path, model_folder: Path) -> None:
    for tokens in (model_folder, model_folder / "tokens.model"):
        options = ("--tokens", tokens, "--order", 2)
        assert asr("lm", "estimate", text, *options, "--output", tmp_path / "lm.bin").code == 0
    model = load_ngram_model(tmp_path / "lm.bin")
    assert set(model.vocabulary.words()[3:]) == set("THEDOGRANCASTON") | {"▁"}
    result = json.loads(asr("lm", "perplexity", tmp_path / "lm.bin", text, "--tokens", model_folder, "--json").out)
    assert result["num_tokens"] == sum(len(line) + 1 for line in TEXT)
    assert result["num_unknown"] == 0


def test_estimate_refuses(refusal: Refusal, text: Path, tmp_path: Path, model_folder: Path) -> None:
    def problem(*arguments: object) -> str:
        return refusal("lm", "estimate", *arguments)

    output = ("--output", tmp_path / "lm.bin")
    empty = written(tmp_path / "empty.txt", "", " ")
    assert problem(text, empty, *output) == f"{empty}: there are no words in it; expected one sentence a line"
    assert problem(text, "--output", tmp_path / "lm").endswith("expected a name that ends in .arpa, .arpa.gz or .bin")
    assert problem(text, *output, "--min-counts", "1,x") == "--min-counts 1,x: expected numbers, such as 1,1,2"
    assert problem(text, *output, "--tokens", text).startswith(f"{text}: not a sentencepiece model")
    small_letters = written(tmp_path / "small.txt", "THE DOG", "the dog")
    message = problem(small_letters, *output, "--tokens", model_folder)
    assert message.startswith(f"{small_letters}, line 2: the character 't' (U+0074)")
    assert not (tmp_path / "lm.bin").exists()
