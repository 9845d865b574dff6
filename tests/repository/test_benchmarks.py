"""What benchmarks stand on: log-probabilities made from text."""

import jiwer
import numpy as np
import pytest

from asr.search.greedy import greedy_search
from asr.tokens import Tokens, TokenSettings
from benchmarks.ctc_like import BLANK_ID, UNKNOWN_ID, ctc_like_log_probs

TEXTS = (
    "well that is one small step after all",
    "three bees need more honey than a balloon",
    "oo",
    "the quick brown fox jumps over the lazy dog",
    "a",
) * 4


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens.train(TEXTS, TokenSettings())[0]


def speak(tokens: Tokens, seed: int = 0, **options: float) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [ctc_like_log_probs(tokens.encode(text), len(tokens), generator, **options) for text in TEXTS]


def greedy_texts(tokens: Tokens, utterances: list[np.ndarray]) -> list[str]:
    return [tokens.decode(greedy_search(log_probs).tokens) for log_probs in utterances]


def test_rows_are_distributions(tokens: Tokens) -> None:
    rows = np.concatenate(speak(tokens))
    assert rows.shape[1] == len(tokens)
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1, rtol=1e-5)
    assert rows[:, UNKNOWN_ID].max() < -20  # nobody says it


def test_without_confusion_the_best_path_writes_the_text(tokens: Tokens) -> None:
    assert greedy_texts(tokens, speak(tokens, confusion=0.0)) == list(TEXTS)


def test_greedy_search_is_close_to_the_text_but_not_right(tokens: Tokens) -> None:
    assert 0.02 < jiwer.cer(list(TEXTS), greedy_texts(tokens, speak(tokens))) < 0.15


def test_with_rivals_the_right_token_is_still_among_the_two_best(tokens: Tokens) -> None:
    """So a language model can bring it back."""
    confused, sure = (np.concatenate(speak(tokens, confusion=confusion)) for confusion in (1.0, 0.0))
    spoken = sure.argmax(axis=1)
    wrong = confused.argmax(axis=1) != spoken
    assert 0.1 < wrong[spoken != BLANK_ID].mean() < 0.4
    assert (confused.argsort(axis=1)[:, -2:] == spoken[:, None]).any(axis=1).all()


def test_the_seed_fixes_everything(tokens: Tokens) -> None:
    assert all(map(np.array_equal, speak(tokens), speak(tokens)))
    assert not all(map(np.array_equal, speak(tokens), speak(tokens, seed=1)))
