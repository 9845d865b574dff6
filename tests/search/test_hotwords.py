"""Hot words on made-up speech of real text: they are found where they are said, and not where they are not."""

import random
import re
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pytest

from asr.errors import SearchError
from asr.lm.estimate import estimate_ngrams
from asr.lm.ngram import NGramModel
from asr.scoring import score
from asr.search import Fusion, FusionSettings, SearchSettings, search_batch
from asr.search.fusion.hotwords import DEFAULT_WEIGHT, read_hotwords
from asr.tokens import Tokens, TokenSettings
from benchmarks.ctc_like import ctc_like_log_probs
from tests.support.command_line import Refusal, RunAsr

Speech: TypeAlias = tuple[list[str], list[np.ndarray], Tokens, NGramModel]  # the fixture `speech`

SETTINGS = SearchSettings(method="beam", beam_width=32)


def license_sentences() -> list[str]:
    text = re.sub(r"[^A-Z ]+", " ", Path("LICENSE").read_text(encoding="utf-8").replace("\n", " ").upper())
    words = text.split()
    return [" ".join(words[i : i + 8]) for i in range(0, len(words), 8)]


@pytest.fixture(scope="module")
def speech() -> Speech:
    """Texts, made-up log-probabilities of every fifth of them, and a language model of the others."""
    sentences = license_sentences()
    texts, others = sentences[::5], [s for i, s in enumerate(sentences) if i % 5]
    tokens, _ = Tokens.train(sentences, TokenSettings())
    generator = np.random.default_rng(0)
    batch = [ctc_like_log_probs(tokens.encode(text), len(tokens), generator) for text in texts]
    estimated = estimate_ngrams((text.split() for text in others), order=2)
    return texts, batch, tokens, NGramModel.from_ngrams(estimated.words, estimated.ngrams)


def recognise(
    speech: Speech,
    hotwords: dict[str, float] | None = None,
    *,
    language_model: bool = True,
    unit: Literal["word", "lexicon", "token"] = "word",
) -> list[str]:
    _, batch, tokens, model = speech
    settings = FusionSettings(unit=unit, alpha=0.5, beta=1.5)
    fusion = Fusion(tokens.pieces, model if language_model else None, settings=settings, hotwords=hotwords)
    return [tokens.decode(best[0].tokens) for best in search_batch(batch, SETTINGS, fusion)]


def num_found(phrase: str, texts: list[str], hypotheses: list[str]) -> int:
    return sum(
        min(f" {t} ".count(f" {phrase} "), f" {h} ".count(f" {phrase} "))
        for t, h in zip(texts, hypotheses, strict=True)
    )


@pytest.mark.parametrize("unit", ["word", "lexicon"])
def test_words_that_the_language_model_does_not_know_are_found(
    speech: Speech, unit: Literal["word", "lexicon"]
) -> None:
    texts, _, _, model = speech
    known = set(model.vocabulary.words())
    unknown = sorted({word for text in texts for word in text.split() if word not in known})
    assert len(unknown) >= 20
    without, with_hotwords = (
        recognise(speech, unit=unit),
        recognise(speech, dict.fromkeys(unknown, DEFAULT_WEIGHT), unit=unit),
    )
    said = sum(text.split().count(word) for text in texts for word in unknown)
    found, found_before = (sum(num_found(word, texts, h) for word in unknown) for h in (with_hotwords, without))
    assert found_before < 0.7 * said
    assert found > 0.9 * said
    assert score(texts, with_hotwords).wer < 0.7 * score(texts, without).wer


def test_phrases_are_found_as_a_whole(speech: Speech) -> None:
    texts = speech[0]
    phrases = [" ".join(text.split()[2:4]) for text in texts]
    without, with_phrases = (
        recognise(speech, language_model=False),
        recognise(speech, dict.fromkeys(phrases, DEFAULT_WEIGHT), language_model=False),
    )
    found = sum(num_found(phrase, [t], [h]) for phrase, t, h in zip(phrases, texts, with_phrases, strict=True))
    found_before = sum(num_found(phrase, [t], [h]) for phrase, t, h in zip(phrases, texts, without, strict=True))
    assert found_before < 0.8 * len(phrases)
    assert found > 0.9 * len(phrases)


def test_hot_words_that_are_not_said_are_hardly_ever_heard(speech: Speech) -> None:
    texts, _, _, model = speech
    said = {word for text in texts for word in text.split()}
    others = sorted(word for word in model.vocabulary.words()[3:] if word not in said and len(word) >= 4)
    hotwords = dict.fromkeys(random.Random(0).sample(others, 100), DEFAULT_WEIGHT)
    hypotheses, without = recognise(speech, hotwords), recognise(speech)
    false_alarms = sum(word in hotwords for hypothesis in hypotheses for word in hypothesis.split())
    assert false_alarms <= 0.01 * sum(len(text.split()) for text in texts)
    assert score(texts, hypotheses).wer <= score(texts, without).wer + 0.01


def test_a_list_of_hot_words(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("ANN ARBOR\nJUPYTER\t2.5\n\n  ZOE \t\n")
    assert read_hotwords(path) == {"ANN ARBOR": DEFAULT_WEIGHT, "JUPYTER": 2.5, "ZOE": DEFAULT_WEIGHT}


@pytest.mark.parametrize(
    ("content", "message"),
    [("\n\n", "no hot words; expected one a line"), ("A\nB\tmuch\n", "line 2: the weight 'much' is not a number")],
)
def test_a_bad_list_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(content)
    with pytest.raises(SearchError, match=message):
        read_hotwords(path)
    with pytest.raises(SearchError, match="no such file"):
        read_hotwords(tmp_path / "nowhere.txt")


def test_the_command_line_takes_a_list(
    refusal: Refusal, asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text("caf\u00e9\n")
    line = refusal("transcribe", model_folder, wav, "--hotwords", tmp_path / "list.txt")
    assert "the hot word 'caf\u00e9' has 'c' (U+0063), which the model's tokens cannot write" in line
    (tmp_path / "list.txt").write_text("FOX\n")
    assert asr("transcribe", model_folder, wav, "--hotwords", tmp_path / "list.txt").code == 0
